import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/spawn-cli.js';
import { bytesOf, stages } from './support/stages.js';

const load = ['--load', fileURLToPath(new URL('support/faulty.mjs', import.meta.url))];
/** A UDF as a child process that has got what Kapacitor sends until its side fails. */
function childAt(stage: string): {
  readonly cli: Cli;
  readonly ended: Promise<unknown[]>;
  readonly sent: Buffer;
} {
  const [udf, ...sent] = stages[stage]!;
  const cli = new Cli(['stdio', udf, ...load, '--handler-ms', '300', '--drain-ms', '500']);
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
});
