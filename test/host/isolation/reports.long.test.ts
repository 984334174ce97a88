import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { DeadLetter, DeadLetters } from '../../../src/model/dead-letters.js';
import type { UseId } from '../../../src/model/statistics.js';
import type { ServedUdf } from '../../../src/host/served-udf.js';
import { FrameReader } from '../../../src/wire/frame-reader.js';
import { LazyPoint } from '../../../src/wire/point/lazy-point.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';
import { tempDir } from '../../support/temp-dir.js';

let udfs: ReadonlyMap<string, ServedUdf>;

beforeEach(async () => {
  vi.stubEnv('FAULTS_DIR', tempDir()); // workers, the one in reserve too, get the environment of their start
  udfs = await isolatedUdfs(new URL('modules/reporting.mjs', import.meta.url));
});

class Letters implements DeadLetters {
  readonly all: { readonly use: UseId; readonly letter: DeadLetter }[] = [];

  add(use: UseId, letter: DeadLetter): void {
    this.all.push({ use, letter });
  }

  /** The times of all points. */
  get times(): bigint[] {
    return this.all.flatMap(({ letter }) => timesOf(letter));
  }
}

function timesOf({ frames }: DeadLetter): bigint[] {
  const times: bigint[] = [];
  new FrameReader(Infinity, (buf, frame, payload, end) => {
    times.push(LazyPoint.fromFrame(buf, frame, payload, end)!.time);
  }).push(Buffer.from(frames));
  return times;
}

type Running = ReturnType<typeof isolatedInMemory> & { readonly letters: Letters };

async function started(name: string): Promise<Running> {
  const letters = new Letters();
  const running = isolatedInMemory(udfs.get(name)!, { deadLetters: letters });
  await running.kapacitor.init();
  return { ...running, letters };
}

/** Sends a point for each of what is to be done. */
function send({ kapacitor }: Running, actions: readonly string[]): void {
  actions.forEach((action, index) => {
    kapacitor.point({ time: BigInt(index), name: 'cpu', fields: { do: action } });
  });
}

async function finish({ kapacitor, agent }: Running): Promise<void> {
  await kapacitor.stop();
  await agent.closed;
}

const actions = ['', 'throw', 'exit', '', 'throw', 'exit', 'throw', ''];

describe('what an isolated UDF reports of input that is repeated', () => {
  test('comes once: lines of the log, dead letters, counters', async () => {
    const running = await started('reporting');
    send(running, actions);
    await finish(running);
    const { letters, log, agent } = running;
    expect(agent.stats.restarts).toEqual({ exit: 2 });
    expect(letters.times).toEqual([1n, 4n, 6n]);
    expect(letters.all[0]).toMatchObject({
      use: { udf: 'reporting', task: 'test', node: 'udf2' },
      letter: { points: 1, reason: 'bad point' },
    });
    expect(log.map(({ message }) => message).filter((message) => message.startsWith('point'))).toEqual(
      actions.map((_, index) => `point ${index}`),
    );
    expect(agent.stats).toMatchObject({
      counters: { seen: actions.length },
      pointsDropped: 3,
      errors: 3,
      pointsIn: actions.length,
      pointsOut: 5,
    });
  });

  test('comes once where a snapshot is between', async () => {
    const running = await started('reporting');
    send(running, actions);
    await running.kapacitor.snapshot();
    for (const [index, action] of ['throw', 'exit', 'throw'].entries()) {
      running.kapacitor.point({ time: BigInt(100 + index), name: 'cpu', fields: { do: action } });
    }
    await finish(running);
    expect(running.letters.times).toEqual([1n, 4n, 6n, 100n, 102n]);
    expect(running.agent.stats).toMatchObject({ counters: { seen: 11 }, pointsDropped: 5 });
  });

  test('comes once around input that is left out', async () => {
    const running = await started('reporting');
    send(running, ['throw', 'exit always', 'throw', 'exit', 'throw', 'exit always', 'throw']);
    await finish(running);
    expect(running.letters.times.sort()).toEqual([0n, 1n, 2n, 4n, 5n, 6n]);
    expect(running.agent.stats).toMatchObject({ pointsDropped: 6, errors: 6, counters: { seen: 5 } });
    expect(running.letters.all.find(({ letter }) => timesOf(letter)[0] === 1n)!.letter.reason).toBe(
      'the worker called process.exit(1), twice',
    );
  });
});

describe('dead letters of input that ends its workers', () => {
  test('hold the whole batch, where it is handled as a whole', async () => {
    const running = await started('reportingBatch');
    const points = [1n, 2n].map((time) => ({ time, fields: { do: time === 2n ? 'exit always' : '' } }));
    running.kapacitor.batch({ name: 'cpu', time: 2n, tags: { host: 'a' }, points });
    await finish(running);
    expect(running.letters.all.map(({ letter }) => [letter.batch, timesOf(letter)])).toEqual([
      [expect.objectContaining({ name: 'cpu', tags: { host: 'a' } }), [1n, 2n]],
    ]);
    expect(running.agent.stats.pointsDropped).toBe(2);
  });

  test('hold the point and the head of its batch, where points are handled one by one', async () => {
    const running = await started('reportingPoints');
    const points = [1n, 2n, 3n].map((time) => ({ time, fields: { do: time === 2n ? 'exit always' : '' } }));
    running.kapacitor.batch({ name: 'cpu', time: 3n, tags: { host: 'a' }, points });
    await finish(running);
    expect(running.letters.all.map(({ letter }) => [letter.batch, timesOf(letter)])).toEqual([
      [expect.objectContaining({ name: 'cpu', tags: { host: 'a' } }), [2n]],
    ]);
  });
});
