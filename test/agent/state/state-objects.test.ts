import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { classInstanceIn } from '../../../src/agent/state/plain.js';
import { runUdf } from '../../../src/testkit/run.js';

/** A UDF with this state, as if it had no types. */
function withState(
  state: () => unknown,
  point: (point: never, context: { state: unknown }) => unknown = () => null,
) {
  return defineUdf({
    name: 'udf',
    wants: 'stream',
    provides: 'stream',
    state: state as () => object,
    point: point as () => undefined,
  });
}

const perHost = { groupBy: ['host'] };
const way = 'Write state: () => ({ count: 0 }) and state.count += 1';

describe('a state', () => {
  test.each([
    ['a number', () => 0, '"state" must return an object, got 0'],
    ['text', () => 'a', '"state" must return an object, got "a"'],
    ['nothing', () => undefined, '"state" must return an object, got undefined'],
    ['null', () => null, '"state" must return an object, got null'],
  ])('that is %s is refused, with how to write it', async (_what, state, message) => {
    const run = await runUdf(withState(state));
    await expect(run.send('cpu v=1')).rejects.toThrow(
      `${message}: a change of it in a handler would be lost. ${way}`,
    );
  });

  test('that a promise brings is refused', async () => {
    const run = await runUdf(withState(() => Promise.resolve({})));
    await expect(run.send('cpu v=1')).rejects.toThrow('"state" must not be async or return a promise');
  });

  test('can be replaced by another object through the context, and by nothing else', async () => {
    const counting = (next: (count: number) => unknown) =>
      withState(
        () => ({ count: 0 }),
        (
          point: { field(name: string): unknown; withField(name: string, value: number): unknown },
          context,
        ) => {
          const { count } = context.state as { count: number };
          context.state = next(count + 1);
          return point.withField('count', count);
        },
      );
    const run = await runUdf(counting((count) => ({ count })));
    expect((await run.send('cpu v=1\ncpu v=1')).points.map((point) => point.field('count'))).toEqual([0, 1]);
    await run.stop();
    const wrong = await runUdf(counting((count) => count));
    await expect(wrong.send('cpu v=1')).rejects.toThrow(`context.state must be an object, got 1: `);
  });

  test('cannot be assigned where the definition has none', async () => {
    const run = await runUdf(
      defineUdf({
        name: 'bare',
        wants: 'stream',
        provides: 'stream',
        point(_point, context) {
          context.state = { a: 1 } as never;
        },
      }),
    );
    await expect(run.send('cpu v=1')).rejects.toThrow('the definition has no "state"');
  });

  test('that groups would share is an error at the second group', async () => {
    const shared = { count: 0 };
    const run = await runUdf(
      withState(() => shared),
      perHost,
    );
    await run.send('cpu,host=a v=1\ncpu,host=a v=1');
    await expect(run.send('cpu,host=b v=1')).rejects.toThrow(
      '"state" returned the same object for two groups, which would share it; return a new one each time',
    );
  });

  test('may be one frozen object for all: nobody can change it', async () => {
    const frozen = Object.freeze({ count: 0 });
    const run = await runUdf(
      withState(() => frozen),
      perHost,
    );
    await run.send('cpu,host=a v=1\ncpu,host=b v=1');
    await run.stop();
  });
});

class Mean {
  sum = 0;
}

describe('an object of a class in a state', () => {
  test('is logged once, when the first group begins', async () => {
    const run = await runUdf(
      withState(() => ({ mean: new Mean() })),
      perHost,
    );
    await run.send('cpu,host=a v=1\ncpu,host=b v=1');
    await run.snapshot();
    await run.stop();
    expect(run.log.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      'state.mean is a Mean: a snapshot keeps its data without its class, so it comes back without its methods; keep plain data in the state',
    ]);
  });

  test('is logged at the next snapshot when a handler has put it there', async () => {
    const run = await runUdf(
      withState(
        () => ({ means: [] as Mean[] }),
        (_point, { state }) => {
          (state as { means: Mean[] }).means.push(new Mean());
        },
      ),
    );
    await run.send('cpu v=1');
    expect(run.log.filter(({ level }) => level === 'warn')).toEqual([]);
    await run.snapshot();
    await run.stop();
    expect(run.log.find(({ level }) => level === 'warn')?.message).toContain('state.means[0] is a Mean');
  });

  test.each([
    [{ map: new Map([['k', new Mean()]]) }, 'state.map.get("k")'],
    [{ set: new Set([new Mean()]) }, 'state.set.values()'],
    [[{ a: { b: new Mean() } }], 'state[0].a.b'],
    [new Mean(), 'state'],
  ])('is found in %o', (state, path) => {
    expect(classInstanceIn(state)).toEqual({ path, className: 'Mean' });
  });

  test('is not what structured clone keeps, however it is nested', () => {
    const circle: Record<string, unknown> = {
      date: new Date(),
      bytes: Buffer.of(1),
      times: new BigInt64Array(2),
    };
    circle.self = [new Map([[circle, new Set([null, 1n])]]), Object.create(null), /x/];
    expect(classInstanceIn(circle)).toBeUndefined();
  });

  test('is not looked for without end', () => {
    const large = Array.from({ length: 100_000 }, () => ({}));
    expect(classInstanceIn([large, new Mean()])).toBeUndefined();
  });
});
