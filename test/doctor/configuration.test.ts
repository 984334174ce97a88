import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mirror } from '../../udfs/index.js';
import { linesOf, procWith, section, setUp, taskOf } from './support/setup.js';

describe('the configuration', () => {
  test('that cannot be read or parsed, or names no UDF, is a finding', async () => {
    const setup = await setUp([mirror]);
    setup.configure('[udf.functions.mirror\n');
    expect(linesOf(await setup.findings())[0]).toMatch(/kapacitor.conf: .*kapacitor.conf:1:\d+: /);
    setup.configure('[http]\n');
    expect(linesOf(await setup.findings())).toEqual([
      `warning ${setup.config}: no [udf.functions.NAME] section: Kapacitor knows no UDF`,
    ]);
    setup.configure(section('a', 'prog = "node"'));
    procWith(setup, setup.config, 0);
    setup.kapacitor.tasks.push(taskOf('old', 'stream|from()@gone()'));
    expect(linesOf(await setup.findings())).toEqual([
      `warning task old: it uses @gone, which has no section in ${setup.config}: it fails when Kapacitor starts next`,
    ]);
    expect(linesOf(await setup.findings({ config: '/none/kapacitor.conf' }))).toEqual([
      'error /none/kapacitor.conf: cannot read /none/kapacitor.conf: there is no such file',
    ]);
  });

  test.each([
    ['', 'error', 'it has no timeout, or one that is no duration: Kapacitor does not start'],
    ['timeout = 10', 'error', 'it has no timeout, or one that is no duration: Kapacitor does not start'],
    ['timeout = "1ms"', 'error', 'it has a timeout of 1 ms: Kapacitor does not start'],
    [
      'timeout = "1.001ms"',
      'error',
      expect.stringMatching(/^its timeout is 1.001 ms, and the UDF took .* ms/),
    ],
    [
      'timeout = "0.9s"',
      'warning',
      expect.stringMatching(/^its timeout is 900 ms: a busy machine may take longer/),
    ],
  ] as [timeout: string, severity: string, what: string][])(
    'with the timeout "%s" is found by the answer that was measured',
    async (timeout, severity, what) => {
      const setup = await setUp([mirror]);
      setup.configure(section('mirror', `socket = "${setup.socketOf('mirror')}"`, timeout));
      expect(await setup.findings()).toMatchObject([{ severity, check: 'timeout', what }]);
    },
  );

  test('names programs that must exist, and that Kapacitor must be allowed to run', async () => {
    const setup = await setUp([mirror]);
    const prog = join(setup.directory, 'prog');
    writeFileSync(prog, '', { mode: 0o644 });
    setup.configure(
      section('gone', 'prog = "/none/node"') +
        section('closed', `prog = "${prog}"`) +
        section('found', 'prog = "node"') +
        section('empty', 'args = []'),
    );
    expect(linesOf(await setup.findings())).toEqual([
      'error [udf.functions.gone]: its prog /none/node does not exist, and Kapacitor does not start without it',
      expect.stringContaining(
        `error [udf.functions.closed]: Kapacitor's user (root, uid 0) may not run its prog ${prog}`,
      ),
      'error [udf.functions.empty]: it has neither a socket nor a prog',
    ]);
  });

  test('with snapshots that are off or dangerously often is a warning', async () => {
    const setup = await setUp([mirror]);
    const udf = section('mirror', `socket = "${setup.socketOf('mirror')}"`);
    setup.configure(`${udf}[task]\nsnapshot-interval = "0"\n`);
    expect((await setup.findings()).map(({ what }) => what)).toEqual([
      'snapshot-interval is 0: Kapacitor keeps no state of tasks over its restarts',
    ]);
    setup.configure(`${udf}[task]\nsnapshot-interval = "2s"\n`);
    expect((await setup.findings()).map(({ what }) => what)).toEqual([
      'snapshot-interval is 2000 ms: a snapshot that is due while the host restarts can crash Kapacitor',
    ]);
  });
});
