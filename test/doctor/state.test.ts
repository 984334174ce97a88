import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packHeader } from '../../src/agent/state/header.js';
import { stateExtension, stateFileName, writeStateFile } from '../../src/host/state/state-file.js';
import { mirror } from '../../udfs/index.js';
import { linesOf, section, setUp, taskOf } from './support/setup.js';

describe('states', () => {
  const use = { udf: 'mirror', task: 'load', node: 'mirror2' };

  test('of Kapacitor are too old if its database is not written while a task runs', async () => {
    const setup = await setUp([mirror]);
    const boltdb = join(setup.directory, 'kapacitor.db');
    writeFileSync(boltdb, '');
    setup.configure(
      section('mirror', `socket = "${setup.socketOf('mirror')}"`) + `[storage]\nboltdb = "${boltdb}"\n`,
    );
    expect(await setup.findings()).toEqual([]);
    const old = Date.now() / 1_000 - 3_600;
    utimesSync(boltdb, old, old);
    expect(await setup.findings()).toEqual([]); // no task runs
    setup.kapacitor.tasks.push(taskOf('load', 'stream|from()@mirror()'));
    expect(linesOf(await setup.findings())).toEqual([
      `warning ${boltdb}: Kapacitor has stored no snapshot for 1h, though task load runs and one is due every 1m`,
    ]);
  });

  test('of a directory are damaged, of tasks that are gone, or too old', async () => {
    const setup = await setUp([mirror]);
    const stateDir = join(setup.directory, 'states');
    mkdirSync(stateDir);
    const revision = { epoch: 0, run: 1, sequence: 1 };
    const save = async (task: string): Promise<string> => {
      const path = join(stateDir, stateFileName({ ...use, task }) + stateExtension);
      await writeStateFile(
        path,
        { ...use, task },
        packHeader({ udf: 'mirror', version: 1, groups: 0, revision }),
      );
      return path;
    };
    await save('load');
    await save('gone');
    writeFileSync(join(stateDir, `damaged${stateExtension}`), 'x');
    setup.kapacitor.tasks.push(taskOf('load', 'stream|from()@mirror()'));
    const findings = await setup.findings({ stateDir });
    expect(findings.map(({ severity }) => severity)).toEqual(['error', 'warning', 'note']);
    expect(findings[0]!.what).toContain('damaged');
    expect(findings[1]!.what).toBe('no running host keeps its states there');
    expect(linesOf(findings)[2]).toBe(
      `note ${stateDir}: gone, mirror2, @mirror: Kapacitor has no such task any more`,
    );
    expect(linesOf(await setup.findings({ stateDir: '/none' }))).toEqual([
      'error /none: cannot read the state directory /none: there is no such directory',
    ]);
  });
});
