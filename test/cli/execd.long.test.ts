import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Cli, runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const module = (name: string): string => fileURLToPath(new URL(`modules/${name}.mjs`, import.meta.url));

/** A running `execd`. */
class Execd extends Cli {
  constructor(...args: readonly string[]) {
    super(['execd', ...args]);
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
  }

  write(text: string): void {
    this.process.stdin!.write(text);
  }

  /** Waits for output that ends so. */
  wrote(end: string): Promise<void> {
    return until(`${JSON.stringify(end)} is written: ${this.stderr}`, () => this.stdout.endsWith(end));
  }

  /** The lines of its log. */
  get logLines(): readonly string[] {
    return this.stderr.split('\n').slice(0, -1);
  }
}

describe('execd', () => {
  test('writes the output of a line before the next one comes', async () => {
    const execd = new Execd('edgeDetect', '--set', 'field=value');
    execd.write('adsl,host=r1 value="SHOWTIME" 1\n');
    await execd.wrote('adsl,host=r1 value="SHOWTIME" 1\n');
    execd.write('adsl,host=r1 value="SHOWTIME" 2\nadsl,host=r1 value="TRAINING" 3\n');
    await execd.wrote('adsl,host=r1 value="TRAINING" 3\n');
    execd.process.stdin!.end();
    expect(await execd.ended).toEqual({ code: 0, signal: null });
    expect(execd.stdout.split('\n')).toHaveLength(3);
  });

  test.each([
    ['that it does not have', ['--set', 'nofield=x'], '--set nofield=x: the UDF has no option nofield'],
    ['of another type', ['--set', 'above=x'], 'is no double'],
    ['that are missing', [], 'edgeDetect: one of .field() or .tag() is required'],
    ['that contradict each other', ['--set', 'field=a', '--set', 'hysteresis=1'], 'edgeDetect: '],
  ])('refuses options %s in one line, with exit code 2', async (_what, args, text) => {
    const execd = new Execd('edgeDetect', ...args);
    expect(await execd.ended).toEqual({ code: 2, signal: null });
    expect(execd.logLines).toEqual([expect.stringMatching(/^E! /)]);
    expect(execd.stderr).toContain(text);
  });

  test.each([
    ['--group-by', ''],
    ['--group-by', 'host,'],
    ['--id', ''],
    ['--state-dir', ' '],
    ['--dead-letter', ''],
  ])('refuses %s "%s" as usage', async (option, value) => {
    const { code, stderr } = await runCli(['execd', 'mirror', option, value]);
    expect(code).toBe(2);
    expect(stderr).toContain(`option '${option}`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('takes tags to group by one by one, and with commas between', async () => {
    const execd = new Execd('edgeDetect', '--set', 'field=v', '--group-by', 'host,dc', 'rack');
    execd.process.stdin!.end(
      'm,host=a,dc=b,rack=c,x=1 v=1 1\nm,host=a,dc=b,rack=c,x=2 v=1 2\nm,host=a,dc=b,rack=d v=1 3\n',
    );
    expect(await execd.ended).toEqual({ code: 0, signal: null });
    expect(execd.stdout).toBe('m,host=a,dc=b,rack=c,x=1 v=1 1\nm,host=a,dc=b,rack=d v=1 3\n');
  });

  test('processes what it has read, and exits with 0, at the end of the input', async () => {
    const execd = new Execd('mirror');
    const lines = Array.from(
      { length: 50_000 },
      (_, index) => `m,host=h${index % 10} v=${index} ${index}\n`,
    ).join('');
    execd.process.stdin!.end(lines);
    expect(await execd.ended).toEqual({ code: 0, signal: null });
    expect(execd.stdout).toBe(lines);
  });

  test('reads on for a while after SIGTERM, and exits with 0', async () => {
    const execd = new Execd('mirror', '--drain-ms', '1000');
    execd.write('m v=1 1\n');
    await execd.wrote('m v=1 1\n');
    execd.process.kill('SIGTERM');
    await until('the signal is logged', () => execd.stderr.includes('stopping'));
    execd.write('m v=2 2\n');
    await execd.wrote('m v=2 2\n');
    expect(await execd.ended).toEqual({ code: 0, signal: null });
  });

  test("logs with Telegraf's marks, and a malformed line once", async () => {
    const execd = new Execd('mirror');
    execd.process.stdin!.end('m v=1 1\nnot a line\nnor this\n');
    expect(await execd.ended).toEqual({ code: 0, signal: null });
    expect(execd.stdout).toBe('m v=1 1\n');
    expect(execd.logLines.every((line) => /^[EWID]! /.test(line))).toBe(true);
    expect(execd.logLines.filter((line) => line.startsWith('E! '))).toEqual([
      'E! a malformed line is skipped: field "a" has no value (column 6): "not a line"',
    ]);
    expect(execd.logLines.at(-1)).toBe('I! the input has ended (pointsIn=1, pointsOut=1, skipped=2)');
  });

  test('keeps what a UDF prints away from the lines', async () => {
    const execd = new Execd('printing', '--load', module('printing'));
    execd.process.stdin!.end('m v=1 1\n');
    expect((await execd.ended).code).toBe(0);
    expect(execd.stdout).toBe('m v=1 1\n');
    expect(execd.stderr).toContain('\nI! console.log with a point\n');
    expect(execd.stderr).toContain('fs.writeSync with a point\n');
  });

  test.each([
    ['a UDF that wants batches', ['outliers', '--set', 'field=v'], 2, 'E! outliers wants batches'],
    ['a UDF that there is not', ['nope'], 2, 'E! there is no UDF nope'],
    ['an unknown option', ['mirror', '--set', 'field=v'], 2, 'E! --set field=v: the UDF has no option field'],
    [
      'options that are not enough',
      ['edgeDetect'],
      2,
      'E! edgeDetect: one of .field() or .tag() is required',
    ],
  ])('refuses %s in one line', async (_what, args, code, message) => {
    const result = await runCli(['execd', ...args]);
    expect(result.code).toBe(code);
    const errors = result.stderr.split('\n').filter((line) => line.startsWith('E! '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
  });

  test('ends with 1 and one error when a handler fails under the policy stop', async () => {
    const execd = new Execd('failing', '--load', module('failing'), '--on-error', 'stop');
    execd.write('m bad=false 1\n');
    await execd.wrote('m bad=false 1\n');
    execd.write('m bad=true 2\n');
    expect((await execd.ended).code).toBe(1);
    const errors = execd.logLines.filter((line) => line.startsWith('E! '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('it is bad');
  });

  test('keeps what the policy drop drops as dead letters', async () => {
    const directory = tempDir();
    const execd = new Execd('failing', '--load', module('failing'), '--dead-letter', directory);
    execd.process.stdin!.end('m,host=a bad=true 1\nm bad=false 2\n');
    expect((await execd.ended).code).toBe(0);
    expect(execd.stdout).toBe('m bad=false 2\n');
    const letters = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));
    expect(letters.join('')).toContain('m,host=a bad=true 1');
  });
});

describe('execd --state-dir', () => {
  const args = (directory: string, ...more: string[]): string[] => [
    'edgeDetect',
    '--set',
    'field=value',
    '--state-dir',
    directory,
    ...more,
  ];

  test('continues after the end of its input', async () => {
    const directory = tempDir();
    const first = new Execd(...args(directory));
    first.process.stdin!.end('m,host=a value="up" 1\n');
    expect((await first.ended).code).toBe(0);
    const second = new Execd(...args(directory));
    second.process.stdin!.end('m,host=a value="up" 2\nm,host=a value="down" 3\n');
    expect((await second.ended).code).toBe(0);
    expect(second.stdout).toBe('m,host=a value="down" 3\n');
    const other = new Execd(...args(directory, '--id', 'other'));
    other.process.stdin!.end('m,host=a value="up" 2\n');
    expect((await other.ended).code).toBe(0);
    expect(other.stdout).toBe('m,host=a value="up" 2\n');
  });

  test('continues with the last saved state after kill -9', async () => {
    const directory = tempDir();
    const first = new Execd(...args(directory, '--state-interval', '10ms'));
    first.write('m,host=a value="up" 1\n');
    await first.wrote('m,host=a value="up" 1\n');
    await until('the state is saved', () => readdirSync(directory).some((name) => name.endsWith('.state')));
    first.process.kill('SIGKILL');
    await first.ended;
    const second = new Execd(...args(directory));
    second.process.stdin!.end('m,host=a value="up" 2\nm,host=a value="down" 3\n');
    expect((await second.ended).code).toBe(0);
    expect(second.stdout).toBe('m,host=a value="down" 3\n');
  });

  test('is not shared with another process', async () => {
    const directory = tempDir();
    const first = new Execd(...args(directory));
    first.write('m,host=a value="up" 1\n');
    await first.wrote('m,host=a value="up" 1\n');
    const second = new Execd(...args(directory, '--drain-ms', '200'));
    expect((await second.ended).code).toBe(1);
    expect(second.stderr).toMatch(/^E! cannot use the state directory .*another host/m);
    first.process.stdin!.end();
    expect((await first.ended).code).toBe(0);
  });
});
