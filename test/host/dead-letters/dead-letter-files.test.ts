import fc from 'fast-check';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDeadLetterFiles, type DeadLetter, type DeadLetterFiles } from 'kapacitor-udf';
import { describe, expect, test, vi } from 'vitest';
import { type LogLine, memoryLogger } from '../../../src/telemetry/memory-logger.js';
import { LazyPoint } from '../../../src/wire/point/lazy-point.js';
import { frameOf } from '../../support/lazy-points.js';
import { plain, readAll } from '../../support/recording-files.js';
import { tempDir } from '../../support/temp-dir.js';
import { fieldsArbitrary } from '../../support/udf-arbitraries.js';

const use = { udf: 'failing', task: 'adsl', node: 'failing2' };
const MiB = 1024 * 1024;

interface TestPoint {
  readonly name: string;
  readonly time: bigint;
  readonly tags?: Readonly<Record<string, string>>;
  readonly fields: Parameters<typeof LazyPoint.create>[1];
}

function letter(points: readonly TestPoint[], batch?: DeadLetter['batch']): DeadLetter {
  const frames = points.map(({ name, time, tags = {}, fields }) =>
    frameOf(
      LazyPoint.create(
        {
          name,
          time,
          tags,
          database: 'db',
          retentionPolicy: 'rp',
          group: '',
          dimensions: ['host'],
          byName: false,
        },
        fields,
      ),
    ),
  );
  return { points: points.length, frames: Buffer.concat(frames), batch, reason: 'no\nvalue', droppedAt: 0 };
}

function open(maxBytes?: number): { directory: string; files: DeadLetterFiles; log: LogLine[] } {
  const directory = join(tempDir(), 'dead');
  const log: LogLine[] = [];
  return { directory, log, files: createDeadLetterFiles({ directory, maxBytes, logger: memoryLogger(log) }) };
}

const list = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.lp'))
    .sort();
const bytesIn = (directory: string): number =>
  list(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

describe('dead letters in files', () => {
  test('are line protocol with the reason before each point', async () => {
    const { directory, files } = open();
    files.add(use, letter([{ name: 'cpu', time: 5n, tags: { host: 'a' }, fields: { v: 1n, ok: true } }]));
    await files.close();
    expect(list(directory)).toEqual([expect.stringMatching(/^failing\/adsl-\d{8}T\d{9}Z-[0-9a-f]{6}\.lp$/)]);
    const path = join(directory, list(directory)[0]!);
    const [comment = '', line] = readFileSync(path, 'utf8').split('\n');
    expect(JSON.parse(comment.slice(2))).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      ...use,
      error: 'no\nvalue',
      database: 'db',
      retentionPolicy: 'rp',
      group: '',
      dimensions: ['host'],
      byName: false,
    });
    expect(line).toBe('cpu,host=a v=1i,ok=true 5');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const bytes = statSync(path).size;
    expect(files.stats).toEqual({
      written: 1,
      writtenBytes: bytes,
      writeErrors: 0,
      lost: 0,
      removedFiles: 0,
      bytes,
    });
  });

  test("have a batch's name and tags, its other data in one comment", async () => {
    const { directory, files } = open();
    const batch = { name: 'cpu', group: 'host=a', tags: { host: 'a' }, byName: false };
    files.add(
      use,
      letter(
        [1n, 2n].map((time) => ({ name: '', time, fields: { v: 1.5 } })),
        batch,
      ),
    );
    await files.close();
    const lines = readFileSync(join(directory, list(directory)[0]!), 'utf8').split('\n');
    expect(JSON.parse(lines[0]!.slice(2))).toMatchObject({
      error: 'no\nvalue',
      batch: { ...batch, points: 2 },
    });
    expect(lines.slice(1)).toEqual(['cpu,host=a v=1.5 1', 'cpu,host=a v=1.5 2', '']);
  });

  test('are read as the points that were dropped; what line protocol cannot hold is in a comment', async () => {
    const points = fc.record({
      name: fc.constantFrom('cpu', 'a b', 'a,b', '#x', 'new\nline', 'ä'),
      time: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
      tags: fc.dictionary(fc.constantFrom('host', 'a b', 'c=d'), fc.constantFrom('x', 'a "b"', 'tail\\', '')),
      fields: fieldsArbitrary,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(points, { minLength: 1, maxLength: 5 }), async (given) => {
        const { directory, files } = open();
        for (const point of given) files.add(use, letter([point]));
        await files.close();
        const path = join(directory, list(directory)[0]!);
        const comments = readFileSync(path, 'utf8').match(/^# \{.*$/gm)!;
        const notWritten = comments.map((line) => 'notWritten' in (JSON.parse(line.slice(2)) as object));
        const written = given.filter((_, index) => !notWritten[index]);
        const expected = written.map(({ name, tags, fields, time }) => ({
          name,
          tags,
          fields,
          time,
          database: '',
          retentionPolicy: '',
        }));
        expect((await readAll(path)).map(plain)).toEqual(expected);
        expect(files.stats.written).toBe(given.length);
      }),
      { numRuns: 60 },
    );
  });

  test('are in files of a UDF and task each, whose names are safe', async () => {
    const { directory, files } = open();
    const one = letter([{ name: 'cpu', time: 1n, fields: { v: 1 } }]);
    files.add(use, one);
    files.add({ ...use, node: 'failing3' }, one);
    files.add({ ...use, task: '../../etc/passwd' }, one);
    files.add({ ...use, task: 'x'.repeat(500) }, one);
    await files.close();
    const names = list(directory).map((name) => name.replace(/-\d{8}T.*/, ''));
    expect(names).toEqual([
      expect.stringMatching(
        /^failing\/_\._\.\._etc_passwd-[0-9a-f]+$|^failing\/_[._]*etc_passwd-[0-9a-f]+$/,
      ) as string,
      'failing/adsl',
      expect.stringMatching(/^failing\/x{80}-[0-9a-f]+$/) as string,
    ]);
  });

  test('take no more than their limit: the oldest files are removed, which is logged and counted', async () => {
    const { directory, files, log } = open(MiB);
    const text = 'x'.repeat(100_000);
    for (let time = 1n; time <= 40n; time++) {
      files.add(use, letter([{ name: 'cpu', time, fields: { text } }]));
    }
    await files.close();
    expect(bytesIn(directory)).toBeLessThanOrEqual(MiB);
    expect(bytesIn(directory)).toBe(files.stats.bytes);
    expect(files.stats).toMatchObject({ written: 40, lost: 0 });
    expect(files.stats.removedFiles).toBeGreaterThan(5);
    expect(log.filter(({ message }) => message.includes('--dead-letter-bytes'))).toHaveLength(1);
    const kept = (await Promise.all(list(directory).map((name) => readAll(join(directory, name))))).flat();
    expect(kept.map(({ time }) => time)).toContain(40n);
    expect(kept.map(({ time }) => time)).not.toContain(1n);
  });

  test('of earlier processes count towards the limit', async () => {
    const { directory, files } = open(MiB);
    mkdirSync(join(directory, 'other'));
    writeFileSync(join(directory, 'other', 'old.lp'), 'x'.repeat(MiB));
    files.add(use, letter([{ name: 'cpu', time: 1n, fields: { v: 1 } }]));
    await files.close();
    expect(list(directory)).toEqual([expect.stringMatching(/^failing\//)]);
    expect(files.stats).toMatchObject({ written: 1, removedFiles: 1 });
  });

  test('that cannot be written are tried again, with one line when it begins and one when it ends', async () => {
    const { directory, files, log } = open();
    writeFileSync(join(directory, 'failing'), 'in the way');
    for (let time = 1n; time <= 3n; time++) files.add(use, letter([{ name: 'cpu', time, fields: { v: 1 } }]));
    await vi.waitFor(() => {
      expect(log).toHaveLength(1);
    });
    expect(log[0]).toMatchObject({ level: 'error', details: use });
    expect(log[0]!.message).toMatch(
      /^dead letters cannot be written to .*dead: .*; trying again every second$/,
    );
    rmSync(join(directory, 'failing'));
    await vi.waitFor(
      () => {
        expect(files.stats.written).toBe(3);
      },
      { timeout: 5000 },
    );
    expect(log.map(({ message }) => message).slice(1)).toEqual(['dead letters are written again']);
    expect(files.stats.writeErrors).toBeGreaterThan(0);
    await files.close();
  });

  test('beyond what may wait are lost and counted, and adding stays cheap', async () => {
    const { files, log } = open();
    const one = letter([{ name: 'cpu', time: 1n, fields: { text: 'x'.repeat(1000) } }]);
    const start = performance.now();
    for (let sent = 0; sent < 500_000; sent++) files.add(use, one);
    expect(performance.now() - start).toBeLessThan(2000);
    await files.close();
    const { written, lost } = files.stats;
    expect(written + lost).toBe(500_000);
    expect(written).toBeGreaterThan(0);
    expect(log.filter(({ message }) => message.startsWith('dropped points are lost'))).toHaveLength(1);
    expect(log.at(-1)?.message).toBe(`${lost.toLocaleString('en')} dead letters lost since the start`);
  });
});

test('a directory that cannot be used is refused at once', () => {
  const path = join(tempDir(), 'file');
  writeFileSync(path, '');
  expect(() => createDeadLetterFiles({ directory: join(path, 'x') })).toThrow(
    /^cannot write dead letters to /,
  );
  expect(() => createDeadLetterFiles({ directory: path, maxBytes: 5 })).toThrow(
    'must be a whole number from 1048576',
  );
});
