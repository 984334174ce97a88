import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Line } from '../../src/feed/lines.js';
import { Spool } from '../../src/feed/spool.js';
import { tempDir } from '../support/temp-dir.js';

const line = (number: number): Line => ({
  text: `m v="a\nb" ${number}`,
  time: BigInt(number),
  from: `data.lp, line ${number}`,
});

test('batches come out in the order that they went in, also after a restart', async () => {
  const directory = tempDir();
  const first = await Spool.open(directory);
  for (const number of [1, 2]) await first.add([line(number), line(number + 10)]);
  const second = await Spool.open(directory);
  await second.add([line(3)]);
  const found: unknown[] = [];
  for (let batch = await second.first(); batch; batch = await second.first()) {
    found.push(batch);
    await second.removeFirst();
  }
  expect(found).toEqual([[line(1), line(11)], [line(2), line(12)], [line(3)]]);
  expect(readdirSync(directory)).toEqual([]);
});

test('only owner and group see the directory, and only the owner the lines, whatever the umask', async () => {
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const directory = join(tempDir(), 'a', 'spool');
  const spool = await Spool.open(directory);
  await spool.add([line(1)]);
  expect(statSync(directory).mode & 0o777).toBe(0o750);
  expect(statSync(join(directory, readdirSync(directory)[0]!)).mode & 0o777).toBe(0o600);
});

test('an incomplete file of a feeder that was killed is removed', async () => {
  const directory = tempDir();
  writeFileSync(join(directory, '000000000007.spooled.jsonl.part'), '["m v=1 1","1","x');
  const spool = await Spool.open(directory);
  expect(spool.size).toBe(0);
  expect(readdirSync(directory)).toEqual([]);
});

test('a file that others have changed is refused by name', async () => {
  const directory = tempDir();
  const path = join(directory, '000000000007.spooled.jsonl');
  writeFileSync(path, 'nonsense');
  const spool = await Spool.open(directory);
  await expect(spool.first()).rejects.toMatchObject({
    code: 'malformed',
    message: `${path} is not a spooled batch`,
  });
});

describe.runIf(existsSync('/dev/full'))('a full disk', () => {
  test('is told in one line, and leaves no part of the batch', async () => {
    const directory = tempDir();
    const spool = await Spool.open(directory);
    await spool.add([line(1)]);
    const before = readdirSync(directory);
    symlinkSync('/dev/full', join(directory, '000000000002.spooled.jsonl.part'));
    await expect(spool.add([line(2)])).rejects.toMatchObject({
      code: 'invalid_config',
      message: `cannot spool to ${directory}: no space left on device`,
    });
    expect(readdirSync(directory)).toEqual(before);
    expect(spool.size).toBe(1);
    await spool.add([line(3)]);
    expect(readFileSync(join(directory, '000000000003.spooled.jsonl'), 'utf8')).toContain('line 3');
  });
});

test('a directory that cannot be made is refused at once', async () => {
  const file = join(tempDir(), 'file');
  writeFileSync(file, '');
  await expect(Spool.open(join(file, 'spool'))).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringMatching(
      /^cannot spool to .*: cannot make the directory .*not a directory$/,
    ) as string,
  });
});
