import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const emitter = fileURLToPath(new URL('support/emitter.mjs', import.meta.url));

interface Result {
  readonly rssMiB: number;
  readonly sentMiB: number;
  readonly failure?: string;
}

/** Lets a UDF emit 160 MiB in a process of its own; `way` is one of those in `emitter.mjs`. */
async function emit(way: string, reading: 'never' | 'always'): Promise<Result> {
  const { stdout } = await run(process.execPath, ['--expose-gc', emitter, way, reading]);
  return JSON.parse(stdout) as Result;
}

/** The limit of unsent output, and what V8 takes besides: buffers that it has not collected yet, and their objects. */
const boundMiB = 64 + 80;

const message = /^limit: more than 67108864 bytes are waiting for Kapacitor to read them \(outputBytes\); /;

describe('64 MiB of emitted and unsent points are a limit', { timeout: 60_000 }, () => {
  test.each([
    'sync',
    'shared',
    'scattered',
    'microtasks',
    'resolved',
    'immediate',
    'timers',
    'batch',
    'batches',
    'collected',
    'received',
    'stop',
  ])('that ends the connection of a UDF that emits on: %s', async (way) => {
    const { rssMiB, failure } = await emit(way, 'never');
    expect(failure).toMatch(message);
    expect(rssMiB).toBeLessThan(boundMiB);
  });

  test.each(['drained', 'sharedArray', 'promisedArray', 'returnedBatches'])(
    'that a UDF never reaches which waits while Kapacitor does not read: %s',
    async (way) => {
      const { rssMiB, failure, sentMiB } = await emit(way, 'never');
      expect(failure).toBeUndefined();
      expect(sentMiB).toBeLessThan(3);
      expect(rssMiB).toBeLessThan(16);
    },
  );

  test.each([
    'sync',
    'scattered',
    'immediate',
    'drained',
    'sharedArray',
    'returnedBatches',
    'received',
    'stop',
  ])('that does not matter while Kapacitor reads: %s', async (way) => {
    const { rssMiB, failure, sentMiB } = await emit(way, 'always');
    expect(failure).toBeUndefined();
    expect(sentMiB).toBeGreaterThan(130);
    expect(rssMiB).toBeLessThan(boundMiB);
  });
});
