import { setImmediate as turn } from 'node:timers/promises';
import { defineUdf, option } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { encodeRequest } from '../../src/wire/messages.js';
import mirror from '../../udfs/mirror/mirror.js';
import { kapacitorInMemory, udfSocket } from '../support/connection.js';

const counter = defineUdf({
  name: 'counter',
  wants: 'stream',
  provides: 'stream',
  options: { step: option.int({ default: 1, doc: '' }) },
  prepare: () => ({ seen: 0 }),
  state: () => ({ seen: 0 }),
  point(point, { state, prepared, options, emit }) {
    state.seen += options.step;
    prepared.seen += options.step;
    emit(point.replaceFields({ group: state.seen, all: prepared.seen }));
  },
});

/** Waits for whatever a test resolves, then emits. */
function gated() {
  const gates: (() => void)[] = [];
  const definition = defineUdf({
    name: 'gated',
    wants: 'stream',
    provides: 'stream',
    state: () => ({ seen: 0 }),
    async point(point, { state, emit }) {
      await new Promise<void>((resolve) => gates.push(resolve));
      state.seen++;
      emit(point);
    },
  });
  return { definition, gates };
}

const cpu = { time: 1n, name: 'cpu', fields: { value: 1 } };

describe('info', () => {
  test('is answered before init, after it, and between points', async () => {
    const { kapacitor } = kapacitorInMemory(counter);
    const first = await kapacitor.info();
    expect(first).toMatchObject({
      wants: 'stream',
      provides: 'stream',
      options: { step: ['int'], onError: ['string'] },
    });
    await kapacitor.init();
    expect(await kapacitor.info()).toEqual(first);
    kapacitor.point(cpu);
    expect(await kapacitor.info()).toEqual(first);
    await kapacitor.stop();
    expect(kapacitor.points).toHaveLength(1);
  });

  test('on a connection of its own, closed at once, is all there is to it', async () => {
    const socket = await udfSocket(counter);
    const kapacitor = await socket.kapacitor();
    await kapacitor.info();
    await kapacitor.stop();
    await socket.served[0]?.agent.closed;
    expect(socket.served[0]?.agent.failure).toBeUndefined();
    expect(socket.served[0]?.log).toEqual([]);
  });
});

describe('each connection', () => {
  test('has an instance of its own: options, state and what was prepared', async () => {
    const socket = await udfSocket(counter);
    const one = await socket.kapacitor();
    const other = await socket.kapacitor();
    await one.init('.step(1)');
    await other.init('.step(10)');
    for (const kapacitor of [one, other, one, other]) kapacitor.point(cpu);
    const results = [await one.stop(), await other.stop()];
    expect(results.map(({ points }) => points.map((point) => point.fields))).toEqual([
      [
        { group: 1, all: 1 },
        { group: 2, all: 2 },
      ],
      [
        { group: 10, all: 10 },
        { group: 20, all: 20 },
      ],
    ]);
  });

  test('starts afresh after another one has ended', async () => {
    const socket = await udfSocket(counter);
    for (let round = 0; round < 3; round++) {
      const kapacitor = await socket.kapacitor();
      await kapacitor.init();
      kapacitor.point(cpu);
      const { points } = await kapacitor.stop();
      expect(points.map((point) => point.field('group'))).toEqual([1]);
    }
  });
});

describe('requests', () => {
  test('are answered exactly once each, in their order, behind the points that came before them', async () => {
    const { definition, gates } = gated();
    const { kapacitor } = kapacitorInMemory(definition);
    await kapacitor.init();
    const done: string[] = [];
    kapacitor.point(cpu);
    const first = kapacitor.snapshot().then(() => done.push(`snapshot after ${kapacitor.points.length}`));
    const second = kapacitor.info().then(() => done.push(`info after ${kapacitor.points.length}`));
    kapacitor.point(cpu);
    const third = kapacitor.snapshot().then(() => done.push(`snapshot after ${kapacitor.points.length}`));
    await turn();
    expect(done).toEqual([]);
    gates.shift()!();
    await Promise.all([first, second]);
    await turn();
    expect(done).toEqual(['snapshot after 1', 'info after 1']);
    gates.shift()!();
    await third;
    expect(done[2]).toBe('snapshot after 2');
    // `stop` fails for an answer that nobody asked for, and for one that is missing.
    await kapacitor.stop();
  });

  test('that wait when Kapacitor half-closes are answered all the same', async () => {
    const { definition, gates } = gated();
    const { kapacitor } = kapacitorInMemory(definition);
    await kapacitor.init();
    kapacitor.point(cpu);
    kapacitor.point(cpu);
    const snapshot = kapacitor.snapshot();
    const stopped = kapacitor.stop();
    while (kapacitor.points.length < 2) {
      gates.shift()?.();
      await turn();
    }
    expect((await snapshot).length).toBeGreaterThan(0);
    expect((await stopped).points).toHaveLength(2);
  });

  test('that the protocol forbids end the connection with an error that says so', async () => {
    const point = encodeRequest({ kind: 'snapshot' });
    const twice = kapacitorInMemory(mirror);
    await twice.kapacitor.init();
    await expect(twice.kapacitor.init()).rejects.toMatchObject({
      rule: 'error-response',
      detail: 'mirror: task test: init came twice',
    });
    const early = kapacitorInMemory(mirror);
    early.kapacitor.write(point);
    await early.agent.closed;
    expect(early.agent.failure).toMatchObject({
      code: 'protocol',
      message: 'a snapshot request came before init',
    });
  });
});

describe('a refused init', () => {
  const average = defineUdf({
    name: 'movingAverage',
    wants: 'stream',
    provides: 'stream',
    options: {
      size: option.int({ min: 1, doc: '' }),
      period: option.duration({ doc: '' }),
    },
    check: ({ size, period }) =>
      size === undefined && period === undefined ? ['one of .size() or .period() is required'] : [],
    point: () => undefined,
  });

  test('names every problem in one answer, in the words of a TICKscript', async () => {
    const { kapacitor } = kapacitorInMemory(average);
    await expect(kapacitor.init('.size(0).sise(3)')).rejects.toMatchObject({
      rule: 'init-refused',
      detail:
        'movingAverage: .size() must be at least 1, got 0; one of .size() or .period() is required; ' +
        'unknown option .sise() (did you mean .size()?)',
    });
  });

  test.each([
    [".size('3')", "movingAverage: .size() takes an int (10), got a string ('text') '3'"],
    ['.size(1.0).period(1s)', 'movingAverage: .size() takes an int (10), got a double (1.0) 1.0'],
    ['.size(1, 2).period(1s)', 'movingAverage: .size() takes 1 argument, got 2'],
    ['.size(1).size(2)', 'movingAverage: .size() is given more than once'],
    [
      ".size(1).onError('ignore')",
      "movingAverage: .onError() must be 'stop' or 'drop' or 'pass', got 'ignore'",
    ],
  ])('%s: says what is wrong', async (options, detail) => {
    const { kapacitor } = kapacitorInMemory(average);
    await expect(kapacitor.init(options)).rejects.toMatchObject({
      rule: 'init-refused',
      detail: expect.stringContaining(detail) as string,
    });
  });

  test('names the UDF whose own preparation fails', async () => {
    const failing = defineUdf({
      name: 'failing',
      wants: 'stream',
      provides: 'stream',
      prepare: () => {
        throw new Error('no such table');
      },
      point: () => undefined,
    });
    const { kapacitor } = kapacitorInMemory(failing);
    await expect(kapacitor.init()).rejects.toMatchObject({
      detail: expect.stringMatching(
        /^failing: task test: no such table in prepare \(at test\/agent\/requests\.test\.ts:\d+\)$/,
      ) as string,
    });
  });

  test.each(['check', 'prepare', 'state'])(
    'names the place where a TypeError came from: %s',
    async (place) => {
      const failing = defineUdf({
        name: 'failing',
        wants: 'stream',
        provides: 'stream',
        [place]: () => {
          throw new TypeError('x is not a function');
        },
        point: () => undefined,
      });
      const { kapacitor } = kapacitorInMemory(failing);
      const failed = kapacitor.init().then(() => {
        kapacitor.point(cpu);
        return kapacitor.info();
      });
      await expect(failed).rejects.toMatchObject({
        detail: expect.stringContaining(`failing: task test: x is not a function in ${place}`) as string,
      });
    },
  );

  test('is followed by a close of the connection from our side: Kapacitor would leave it open for ever', async () => {
    const socket = await udfSocket(average);
    // Kapacitor's side stays open, which is what `init` of the fake checks: it waits for EOF without a half-close.
    const kapacitor = await socket.kapacitor({ answerTimeoutMs: 2_000 });
    await expect(kapacitor.init()).rejects.toMatchObject({ rule: 'init-refused' });
    await socket.served[0]!.agent.closed;
    expect(socket.served[0]!.agent.failure).toMatchObject({ code: 'invalid_options' });
  });

  test('takes no points that were sent behind it', async () => {
    const { kapacitor, agent } = kapacitorInMemory(average);
    const refused = kapacitor.init('.size(0)');
    kapacitor.point(cpu);
    await expect(refused).rejects.toMatchObject({ rule: 'init-refused' });
    expect(agent.stats.pointsIn).toBe(0);
  });
});
