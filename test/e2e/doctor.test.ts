import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Diagnosis, Finding } from '../../src/doctor/diagnose.js';
import { run } from '../support/run-program.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { eventually } from './support/until.js';

const { missing, title } = needs('doctor, with a real Kapacitor,', ['KAPACITORD']);

/** A UDF whose options and edge depend on a file, so that a restart of its host changes them. */
const module = (options: string, provides: string): string => `
import { defineUdf, option } from 'kapacitor-udf';
export default defineUdf({
  name: 'changing', wants: 'stream', provides: '${provides}',
  options: { ${options} },
  point: () => undefined,
});`;

describe.skipIf(missing)(title, () => {
  const stack = useStack({ module: module("field: option.string({ doc: 'A field.' })", 'stream') });

  const findings = async (): Promise<readonly Finding[]> => {
    const { kapacitord, kapacitor } = stack;
    const { stdout } = await run(
      'doctor',
      '--config',
      kapacitord.configFile,
      '--kapacitor',
      kapacitor.url,
      '--json',
    );
    const all = (JSON.parse(stdout) as Diagnosis).findings;
    return all.filter(
      ({ check, severity }) => check !== 'versions' && !(check === 'access' && severity === 'note'),
    );
  };
  const restartWith = async (source: string): Promise<void> => {
    await stack.agent.stop();
    writeFileSync(join(stack.folder, 'udfs.mjs'), source);
    await stack.agent.start();
  };

  it('finds nothing while all fit together, and defines no task', async () => {
    expect(await findings()).toEqual([]);
    expect(await stack.kapacitor.tasks()).toEqual([]);
  });

  it('sees the options and the edge that Kapacitor has cached', async () => {
    await restartWith(
      module("field: option.int({ doc: 'A field.' }), size: option.int({ doc: 'A size.' })", 'stream'),
    );
    expect(await findings()).toMatchObject([
      { where: '@changing().field()', what: expect.stringContaining('got INT expected STRING') as string },
      { where: '@changing().size()', what: 'Kapacitor does not know this option, which the UDF has now' },
    ]);
    await restartWith(module("field: option.string({ doc: 'A field.' })", 'batch'));
    expect(await findings()).toMatchObject([
      { what: 'Kapacitor takes it for a UDF that provides a stream, but it provides a batch now' },
    ]);
    await restartWith(module("field: option.string({ doc: 'A field.' })", 'stream'));
    expect(await findings()).toEqual([]);
  });

  it('sees a task that has failed, and sockets that nobody serves', async () => {
    const dbrps = [{ db: 'db', rp: 'rp' }];
    const script = "stream|from()@movingAverage().field('value')";
    // Without .size() or .period() the UDF refuses its start.
    await stack.kapacitor
      .createTask('wrong', { script, dbrps, type: 'stream', status: 'enabled' })
      .catch(() => undefined);
    await eventually(async () => (await stack.kapacitor.task('wrong'))?.executing).toBe(false);
    expect(await findings()).toMatchObject([
      {
        check: 'tasks',
        where: 'task wrong',
        what: expect.stringContaining('.size() or .period() is required') as string,
      },
    ]);
    await stack.kapacitor.deleteTask('wrong');
    await stack.agent.stop();
    const away = await findings();
    expect(new Set(away.map(({ what }) => what.replace(/@\w+/, '@…')))).toEqual(
      new Set(['@… does not answer: there is no socket']),
    );
    await stack.agent.start();
    expect(await findings()).toEqual([]);
  });
});
