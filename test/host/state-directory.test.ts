import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { emptySnapshot, packHeader, readHeader } from '../../src/agent/state/header.js';
import { resetStates } from '../../src/host/state/inspect-states.js';
import { StateDirectory, type StateDirectoryOptions } from '../../src/host/state/state-directory.js';
import { readStateFile, stateFileName, writeStateFile } from '../../src/host/state/state-file.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const use = { udf: 'movingAverage', task: 'load', node: 'movingAverage2' };

/** A snapshot with this revision. */
function snapshot(sequence: number, run = 1): Buffer[] {
  return packHeader({ udf: use.udf, version: 1, groups: 0, revision: { epoch: 0, run, sequence } });
}

function sequenceOf(bytes: Buffer | undefined): number | undefined {
  return bytes && readHeader(bytes).header.revision?.sequence;
}

async function open(
  directory: string,
  options: Partial<StateDirectoryOptions> = {},
): Promise<{ readonly states: StateDirectory; readonly log: LogLine[] }> {
  const log: LogLine[] = [];
  const states = await StateDirectory.open({ directory, logger: memoryLogger(log), ...options });
  onTestFinished(() => states.close());
  return { states, log };
}

describe('a state directory', () => {
  test('gives back the newest state of each use, also to the next host', async () => {
    const directory = join(tempDir(), 'made', 'if-absent');
    const { states } = await open(directory);
    const other = { ...use, node: 'movingAverage3' };
    expect(await states.load(use)).toBeUndefined();
    await states.save(use, snapshot(1));
    await states.save(use, snapshot(2));
    await states.save(other, snapshot(7));
    expect(sequenceOf(await states.load(use))).toBe(2);
    await states.close();
    const again = await open(directory);
    expect(sequenceOf(await again.states.load(use))).toBe(2);
    expect(sequenceOf(await again.states.load(other))).toBe(7);
  });

  test('writes one snapshot of a use at a time, and of those that wait only the newest', async () => {
    const directory = tempDir();
    const { states } = await open(directory);
    const saves = Array.from({ length: 100 }, (_, at) => states.save(use, snapshot(at + 1)));
    expect(sequenceOf(await states.load(use))).toBe(100); // before it is written
    await Promise.all(saves);
    expect(sequenceOf(await states.load(use))).toBe(100);
    expect(readdirSync(directory).filter((name) => name !== '.lock')).toEqual([
      `${stateFileName(use)}.state`,
    ]);
  });

  test('keeps the state of the connection that began last, if two of one use overlap', async () => {
    const { states } = await open(tempDir());
    await states.save(use, snapshot(1, 2));
    await states.save(use, snapshot(50, 1));
    expect(sequenceOf(await states.load(use))).toBe(1);
  });

  test('finishes what waits when it is closed', async () => {
    const directory = tempDir();
    const { states } = await open(directory);
    void states.save(use, snapshot(1));
    void states.save(use, snapshot(2));
    await states.close();
    const { states: again } = await open(directory);
    expect(sequenceOf(await again.load(use))).toBe(2);
  });

  test('takes any names, and as long ones as there are', async () => {
    const directory = tempDir();
    const { states } = await open(directory);
    const names = ['../../etc', '.', '', 'a/b', 'ä\0b', 'x'.repeat(5000), 'a_b', 'a b', 'a.b'];
    const uses = names.map((task) => ({ ...use, task }));
    await Promise.all(uses.map((named, at) => states.save(named, snapshot(at + 1))));
    const loaded = await Promise.all(uses.map(async (named) => sequenceOf(await states.load(named))));
    expect(loaded).toEqual(names.map((_, at) => at + 1));
  });

  test('is used by one host at a time, which it names', async () => {
    const directory = tempDir();
    const { states } = await open(directory);
    await expect(open(directory)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining(`another host (process ${process.pid}) uses it`) as string,
    });
    await states.close();
    await open(directory);
  });

  test('is shared by the processes that Kapacitor starts', async () => {
    const directory = tempDir();
    const one = await open(directory, { isShared: true });
    const two = await open(directory, { isShared: true });
    await one.states.save(use, snapshot(1));
    expect(sequenceOf(await two.states.load(use))).toBe(1);
  });

  test('that is a file is refused', async () => {
    const path = join(tempDir(), 'file');
    writeFileSync(path, '');
    await expect(open(path)).rejects.toMatchObject({ code: 'invalid_config' });
  });
});

describe('a state file that is not intact', () => {
  test('is set aside with one line in the log, wherever it is cut or changed', async () => {
    const directory = tempDir();
    const { states, log } = await open(directory);
    await states.save(use, snapshot(1));
    await states.close();
    const path = join(directory, `${stateFileName(use)}.state`);
    const intact = readFileSync(path);
    const { states: again, log: lines } = await open(directory);
    expect(log).toEqual([]);
    await fc.assert(
      fc.asyncProperty(fc.nat(intact.length - 1), fc.integer({ min: 0, max: 255 }), async (at, xor) => {
        const bytes = xor === 0 ? intact.subarray(0, at) : Buffer.from(intact);
        if (xor !== 0) bytes[at]! ^= xor;
        writeFileSync(path, bytes);
        lines.length = 0;
        expect(await again.load(use)).toBeUndefined();
        expect(lines).toMatchObject([
          { level: 'error', message: expect.stringContaining('it is kept as ') as string, details: use },
        ]);
        expect(existsSync(path)).toBe(false);
      }),
    );
  });

  test('of another use is not used', async () => {
    const directory = tempDir();
    const { states, log } = await open(directory);
    await writeStateFile(
      join(directory, `${stateFileName(use)}.state`),
      { ...use, task: 'other' },
      snapshot(1),
    );
    expect(await states.load(use)).toBeUndefined();
    expect(log).toMatchObject([{ level: 'error', details: { code: 'snapshot_foreign' } }]);
  });

  test('is kept at most ten times', async () => {
    const directory = tempDir();
    for (let at = 0; at < 15; at++) writeFileSync(join(directory, `a.state.corrupt-${at}`), '');
    await open(directory);
    expect(readdirSync(directory).filter((name) => name.includes('.corrupt-'))).toHaveLength(10);
  });
});

test('saves are counted, with their bytes and the time of the last', async () => {
  const { states } = await open(tempDir());
  expect(states.stats).toEqual({ saves: 0, savedBytes: 0, errors: 0, lastSave: undefined });
  const before = Date.now();
  await states.save(use, snapshot(1));
  await states.save(use, snapshot(2));
  const { lastSave, ...counts } = states.stats;
  const savedBytes = Buffer.concat([...snapshot(1), ...snapshot(2)]).length;
  expect(counts).toEqual({ saves: 2, savedBytes, errors: 0 });
  expect(lastSave).toBeGreaterThanOrEqual(before);
  expect(lastSave).toBeLessThanOrEqual(Date.now());
});

describe('a directory that cannot be written', () => {
  test('is logged at a limited rate, and tried again', async () => {
    const directory = join(tempDir(), 'states');
    const { states, log } = await open(directory, { isShared: true });
    const path = `${join(directory, stateFileName(use))}.state`;
    mkdirSync(path); // nothing can be moved there
    for (let at = 1; at < 10; at++) await states.save(use, snapshot(at));
    expect(
      log.filter(({ message }) => message.startsWith('cannot write to the state directory')),
    ).toHaveLength(1);
    expect(sequenceOf(await states.load(use))).toBe(9);
    expect(states.stats).toEqual({ saves: 0, savedBytes: 0, errors: 9, lastSave: undefined });
  });

  test.skipIf(process.getuid?.() === 0)(
    'because of missing permission does not keep a host from starting',
    async () => {
      const directory = tempDir();
      chmodSync(directory, 0o500);
      const { states, log } = await open(directory);
      await states.save(use, snapshot(1));
      expect(log.map(({ level }) => level)).toEqual(['warn', 'error']);
      chmodSync(directory, 0o700);
      await states.close();
      expect(sequenceOf((await readStateFile(`${join(directory, stateFileName(use))}.state`)).snapshot)).toBe(
        1,
      );
    },
  );
});

describe('old states', () => {
  test('are removed once their task has not run for this long; those in use are not', async () => {
    const directory = tempDir();
    const path = (task: string): string => join(directory, `${stateFileName({ ...use, task })}.state`);
    const old = new Date(Date.now() - 3 * 3_600_000);
    for (const task of ['old', 'recent']) await writeStateFile(path(task), { ...use, task }, snapshot(1));
    utimesSync(path('old'), old, old);
    writeFileSync(join(directory, 'a.state.1-1.part'), '');
    const { log } = await open(directory, { maxAgeMs: 2 * 3_600_000 });
    expect(readdirSync(directory).filter((name) => name !== '.lock')).toEqual([
      `${stateFileName({ ...use, task: 'recent' })}.state`,
    ]);
    expect(log).toMatchObject([{ level: 'info', details: { removed: 1 } }]);
  });

  test('count as used when they are loaded', async () => {
    const directory = tempDir();
    const path = join(directory, `${stateFileName(use)}.state`);
    await writeStateFile(path, use, snapshot(1));
    const old = new Date(Date.now() - 3 * 3_600_000);
    utimesSync(path, old, old);
    const first = await open(directory);
    await first.states.load(use);
    await first.states.close();
    await open(directory, { maxAgeMs: 2 * 3_600_000 });
    expect(existsSync(path)).toBe(true);
  });
});

describe('a reset', () => {
  test('reaches a running use at once, and is done once the use has stored its new state', async () => {
    const directory = tempDir();
    const { states } = await open(directory);
    await states.save(use, snapshot(5));
    const received: Buffer[] = [];
    states.onReplace(use, (reset) => received.push(reset));
    expect(await resetStates(directory, { task: 'load' })).toEqual({
      reset: [expect.objectContaining(use)],
      host: String(process.pid),
    });
    await until('the reset is received', () => received.length > 0);
    const { epoch } = readHeader(received[0]!).header.revision!;
    const after = packHeader({
      udf: use.udf,
      version: 1,
      groups: 0,
      revision: { epoch, run: 1, sequence: 6 },
    });
    await states.save(use, after);
    expect(readdirSync(directory).filter((name) => name.endsWith('.reset'))).toEqual([]);
    expect(sequenceOf(await states.load(use))).toBe(6);
  });

  test('is not undone by a state that was taken before it', async () => {
    const directory = tempDir();
    const { states } = await open(directory);
    await states.save(use, snapshot(5));
    await resetStates(directory, { udf: use.udf });
    await states.save(use, snapshot(6)); // no listener: the connection has just ended
    expect(readHeader((await states.load(use))!).header).toMatchObject({
      groups: 0,
      revision: { run: 1, sequence: 5 },
    });
  });

  test('of a use that has no state here wins over what Kapacitor keeps', async () => {
    const directory = tempDir();
    const { states } = await open(directory);
    await resetStates(directory, use);
    expect(readHeader((await states.load(use))!).header.revision!.epoch).toBeGreaterThan(0);
    expect(emptySnapshot(use.udf).length).toBeGreaterThan(0);
    await expect(resetStates(directory, { task: 'unknown' })).rejects.toMatchObject({
      code: 'invalid_config',
    });
  });
});
