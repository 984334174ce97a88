import { appendFileSync, existsSync, readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fileLines, type FileLineOptions } from '../../src/feed/file-lines.js';
import type { Line } from '../../src/feed/lines.js';
import { tempDir } from '../support/temp-dir.js';

let stop = new AbortController();
let lines: AsyncGenerator<Line> | undefined;
afterEach(async () => {
  stop.abort();
  await lines?.return(undefined); // closes a file that is followed
});

/** The lines of a file, and what is told meanwhile. */
function reading(path: string, options: Partial<FileLineOptions> = {}) {
  stop = new AbortController();
  const told: string[] = [];
  const reader = fileLines(path, {
    skipBad: false,
    follow: false,
    signal: stop.signal,
    stdin: process.stdin,
    onBad: ({ message }) => told.push(message),
    onNote: (note) => told.push(note),
    ...options,
  });
  lines = reader;
  return { lines: reader, told };
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the descriptor by which the directory itself was read
  }
}

async function next(lines: AsyncGenerator<Line>): Promise<Line> {
  const result = await lines.next();
  if (result.done) throw new Error('there is no further line');
  return result.value;
}

describe('points without a time', () => {
  test.each([
    ['points.lp', 'm v=1\nm v=2\n'],
    ['points.csv', 'name,v\nm,1\nm,2\n'],
    ['points.jsonl', '{"name":"m","fields":{"v":1}}\n{"name":"m","fields":{"v":2}}\n'],
  ])('of %s get times that differ: equal ones would overwrite each other', async (name, text) => {
    const path = join(tempDir(), name);
    writeFileSync(path, text);
    const found: Line[] = [];
    for await (const line of reading(path).lines) found.push(line);
    expect(found).toHaveLength(2);
    expect(found[0]!.time).toBeLessThan(found[1]!.time);
    for (const { text, time } of found) expect(text).toMatch(new RegExp(`^m v=\\d ${time}$`));
  });
});

test('a line that gives a field twice is passed on as it is', async () => {
  const path = join(tempDir(), 'twice.lp');
  writeFileSync(path, 'm v=1,v=2 1\n\uFEFFm v=3,v=4 2\n');
  const found: Line[] = [];
  for await (const line of reading(path).lines) found.push(line);
  expect(found.map(({ text }) => text)).toEqual(['m v=1,v=2 1', 'm v=3,v=4 2']);
});

test.each(['lp', 'csv', 'jsonl'])(
  'what stands before a malformed entry of a .%s file comes before the error',
  async (format) => {
    const good = {
      lp: 'm v=1 1',
      csv: 'name,v,time\nm,1,1',
      jsonl: '{"name":"m","fields":{"v":1},"time":"1"}',
    }[format]!;
    const path = join(tempDir(), `mixed.${format}`);
    writeFileSync(path, `${good}\nwrong\n${good.split('\n').at(-1)}\n`);
    const { lines } = reading(path);
    expect(await next(lines)).toMatchObject({ text: 'm v=1 1', time: 1n });
    await expect(lines.next()).rejects.toThrow(`${path}, line ${format === 'csv' ? 3 : 2}: `);
  },
);

describe('a point without fields, which line protocol cannot hold,', () => {
  test.each([
    ['points.csv', 'name,time,x\nm,1,1\nm,2,\nm,3,3\n'],
    ['annotated.csv', '_time,_measurement,_field,_value\n1,m,x,1\n2,m,x,\n3,m,x,3\n'],
    [
      'points.jsonl',
      '{"name":"m","fields":{"x":1},"time":"1"}\n{"name":"m","fields":{"x":null},"time":"2"}\n{"name":"m","fields":{"x":3},"time":"3"}\n',
    ],
  ])('is left out of %s, and counted', async (name, text) => {
    const path = join(tempDir(), name);
    writeFileSync(path, text);
    const { lines, told } = reading(path);
    const found: string[] = [];
    for await (const line of lines) found.push(line.text);
    expect(found).toEqual(['m x=1 1', 'm x=3 3']);
    expect(told).toEqual([`${path}: 1 point without fields left out: line protocol cannot hold them`]);
  });

  const cases: readonly (readonly [string, string, string])[] = [
    [
      'points.brpl',
      '{"name":"m","points":[{"time":"1970-01-01T00:00:00.000000001Z","fields":{"x":1}},{"time":"1970-01-01T00:00:00.000000002Z","fields":{"x":null}},{"time":"1970-01-01T00:00:00.000000003Z","fields":{"x":3}}]}',
      'entry 1: a line of line protocol needs a field',
    ],
  ];

  test.each(cases)('ends the reading of %s with its place', async (name, text, problem) => {
    const path = join(tempDir(), name);
    writeFileSync(path, text);
    const { lines } = reading(path);
    expect(await next(lines)).toMatchObject({ text: 'm x=1 1' });
    await expect(lines.next()).rejects.toThrow(
      expect.objectContaining({ code: 'malformed', message: `${path}, ${problem}` }),
    );
  });

  test.each(cases)('is told and left out of %s if that is wanted', async (name, text, problem) => {
    const path = join(tempDir(), name);
    writeFileSync(path, text);
    const { lines, told } = reading(path, { skipBad: true });
    const found: string[] = [];
    for await (const line of lines) found.push(line.text);
    expect(found).toEqual(['m x=1 1', 'm x=3 3']);
    expect(told).toEqual([`${path}, ${problem}`]);
  });
});

describe('a file that is followed', () => {
  const bad = 'wrong\n';

  test('loses only the line of an unclosed quote, while it is followed', async () => {
    const path = join(tempDir(), 'f.lp');
    writeFileSync(path, 'sys up=1i 1\nsys note="unclosed 2\nsys up=3i 3\nsys up=4i 4\n');
    const { lines, told } = reading(path, { follow: true, skipBad: true, openQuoteTimeoutMs: 50 });
    for (const time of [1n, 3n, 4n]) expect((await next(lines)).time).toBe(time);
    expect(told).toEqual([expect.stringMatching(`^${path}, line 2: .*has no closing quote`)]);
  });

  test('has line numbers of its own after it took the place of another', async () => {
    const directory = tempDir();
    const path = join(directory, 'f.lp');
    writeFileSync(path, 'm v=1 1\nm v=2 2\n');
    const { lines, told } = reading(path, { follow: true, skipBad: true });
    for (const time of [1n, 2n]) expect((await next(lines)).time).toBe(time);
    renameSync(path, join(directory, 'f.lp.1'));
    writeFileSync(path, `m v=3 3\n${bad}m v=4 4\n`);
    for (const time of [3n, 4n]) expect((await next(lines)).time).toBe(time);
    expect(told).toEqual([expect.stringContaining(`${path}, line 2: `)]);
  });

  test('has them after it was cut short, too, and its last line then is one', async () => {
    const path = join(tempDir(), 'f.lp');
    writeFileSync(path, 'm v=1 1\nm v=2 2');
    const { lines, told } = reading(path, { follow: true, skipBad: true });
    expect((await next(lines)).time).toBe(1n);
    const second = next(lines);
    writeFileSync(path, `${bad}m v=3 3\n`);
    expect((await second).time).toBe(2n);
    expect((await next(lines)).time).toBe(3n);
    expect(told).toEqual([expect.stringContaining(`${path}, line 1: `)]);
  });

  test.runIf(existsSync('/proc/self/fd'))('is closed when no more lines are wanted', async () => {
    const path = join(tempDir(), 'f.lp');
    writeFileSync(path, 'm v=1 1\n');
    const isOpen = (): boolean =>
      readdirSync('/proc/self/fd').some((fd) => linkTarget(`/proc/self/fd/${fd}`) === path);
    const { lines } = reading(path, { follow: true });
    await next(lines);
    expect(isOpen()).toBe(true);
    await lines.return(undefined);
    expect(isOpen()).toBe(false);
  });

  test('is waited for, which is told, when it is not there', async () => {
    const path = join(tempDir(), 'f.lp');
    const { lines, told } = reading(path, { follow: true });
    const first = next(lines);
    await expect.poll(() => told).toEqual([`${path} is not there yet; waiting for it`]);
    appendFileSync(path, 'm v=1 1\n');
    expect((await first).time).toBe(1n);
  });
});

describe('CSV as utilities export it', () => {
  test('has starts and lengths of intervals, quoted units, and local times over both clock changes', async () => {
    const path = join(tempDir(), 'usage.csv');
    writeFileSync(
      path,
      '"Start","Duration (s)","Usage","Unit","tag:Meter"\n' +
        '"03/08/2026 01:30","1800","0.5","kWh, net","m ""1"""\n' +
        '"03/08/2026 03:00","1800","0.6","kWh, net","m ""1"""\n' +
        '"11/01/2026 01:30","1800","0.7","kWh, net","m ""1"""\n' +
        '"11/01/2026 01:00","1800","0.8","kWh, net","m ""1"""\n' +
        '"11/01/2026 01:30","1800","0.9","kWh, net","m ""1"""\n',
    );
    const found: Line[] = [];
    const { lines, told } = reading(path, {
      measurement: 'electricity',
      timeColumn: 'Start',
      timeFormat: 'MM/dd/yyyy HH:mm',
      timeZone: 'America/New_York',
    });
    for await (const line of lines) found.push(line);
    expect(found.map(({ time }) => new Date(Number(time / 1_000_000n)).toISOString())).toEqual([
      '2026-03-08T06:30:00.000Z',
      '2026-03-08T07:00:00.000Z',
      '2026-11-01T05:30:00.000Z',
      '2026-11-01T06:00:00.000Z',
      '2026-11-01T06:30:00.000Z',
    ]);
    expect(found[0]!.text).toMatch(
      /^electricity,Meter=m\\ "1" Unit="kWh, net",Duration\\ \(s\)=1800,Usage=0.5 \d+$/,
    );
    expect(told).toEqual([expect.stringContaining('clock')]);
  });
});
