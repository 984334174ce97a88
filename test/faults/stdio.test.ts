import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { encodeRequest } from '../../src/wire/messages.js';
import { Cli } from '../support/spawn-cli.js';
import { bytesOf, stages } from './support/stages.js';

const load = ['--load', fileURLToPath(new URL('support/faulty.mjs', import.meta.url))];
const drainMs = 500;

/** A UDF as a child process that has got what Kapacitor sends until its side fails. */
function childAt(stage: string): {
  readonly cli: Cli;
  readonly ended: Promise<unknown[]>;
  readonly sent: Buffer;
} {
  const [udf, ...sent] = stages[stage]!;
  const cli = new Cli(['stdio', udf, ...load, '--handler-ms', '300', '--drain-ms', String(drainMs)]);
  return { cli, ended: once(cli.process, 'exit'), sent: bytesOf(sent) };
}

/** Lines that no user can place: a defect, or an error that nothing caught. */
const defects = (cli: Cli): string[] =>
  cli.stderr.split('\n').filter((line) => /defect|uncaught error/.test(line));

describe.each(Object.keys(stages))('a child process of Kapacitor, whose side %s,', (stage) => {
  test('half-closes, ends by itself', async () => {
    const { cli, ended, sent } = childAt(stage);
    cli.process.stdout!.resume();
    cli.process.stdin!.end(sent);
    expect([0, 1]).toContain((await ended)[0]);
    expect(defects(cli)).toEqual([]);
  });

  test('is killed, ends by itself', async () => {
    const { cli, ended, sent } = childAt(stage);
    cli.process.stdin!.write(sent, () => {
      cli.process.stdin!.destroy();
      cli.process.stdout!.destroy();
    });
    expect([0, 1]).toContain((await ended)[0]);
    expect(defects(cli)).toEqual([]);
  });

  test('stalls, ends at SIGTERM within its drain time', async () => {
    const { cli, ended, sent } = childAt(stage);
    cli.process.stdin!.write(encodeRequest({ kind: 'info' }));
    await once(cli.process.stdout!, 'data'); // it serves, and has its handlers of signals
    await new Promise((written) => cli.process.stdin!.write(sent, written));
    const start = performance.now();
    cli.process.kill('SIGTERM');
    await ended;
    expect(performance.now() - start).toBeLessThan(drainMs + 3_000);
    expect(defects(cli)).toEqual([]);
  });
});
