import {
  type Batch,
  type BatchInfo,
  type BatchPoint,
  type CallOrder,
  defineUdf,
  type ErrorPolicy,
  type OnlyWith,
  option,
  type Point,
  type UdfDefinition,
} from 'kapacitor-udf';
import { describe, expectTypeOf, it } from 'vitest';

const doc = 'What it is for.';
const options = {
  field: option.string({ doc, required: true }),
  size: option.int({ doc, min: 1 }),
  also: option.string({ doc, repeatable: true }),
  loud: option.flag({ doc }),
};

describe('the options of a definition', () => {
  it('have the types that the handler, check, prepare and state read', () => {
    defineUdf({
      name: 'typed',
      wants: 'stream',
      provides: 'stream',
      options,
      check: ({ field, size }) => {
        expectTypeOf(field).toEqualTypeOf<string>();
        expectTypeOf(size).toEqualTypeOf<number | undefined>();
        return [];
      },
      prepare: ({ also }, { task, node }) => {
        expectTypeOf(also).toEqualTypeOf<readonly string[]>();
        expectTypeOf({ task, node }).toEqualTypeOf<{ task: string; node: string }>();
        return also.length;
      },
      state: ({ loud }, prepared) => {
        expectTypeOf(loud).toEqualTypeOf<boolean>();
        expectTypeOf(prepared).toEqualTypeOf<number>();
        return { window: [] as number[] };
      },
      point: (_point, context) => {
        expectTypeOf(context.options.field).toEqualTypeOf<string>();
        expectTypeOf(context.options.size).toEqualTypeOf<number | undefined>();
        expectTypeOf(context.options.also).toEqualTypeOf<readonly string[]>();
        expectTypeOf(context.options.loud).toEqualTypeOf<boolean>();
        expectTypeOf(context.prepared).toEqualTypeOf<number>();
        expectTypeOf(context.state).toEqualTypeOf<{ window: number[] }>();
        expectTypeOf(context.task).toEqualTypeOf<string>();
        expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
        expectTypeOf(context.options).not.toHaveProperty('sise');
        // @ts-expect-error -- options are read only
        context.options.field = 'other';
      },
    });
  });

  it('go with calls that overlap', () => {
    defineUdf({
      name: 'overlapping',
      wants: 'stream',
      provides: 'stream',
      concurrency: 8,
      ordered: 'all',
      callTimeoutMs: 1000,
      point: async (point, { signal }) => {
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        await Promise.resolve();
        return point;
      },
    });
    expectTypeOf<CallOrder>().toEqualTypeOf<'group' | 'all'>();
    expectTypeOf<UdfDefinition['concurrency']>().toEqualTypeOf<number>();
  });

  it('have no names at all when there are none', () => {
    defineUdf({
      name: 'bare',
      wants: 'stream',
      provides: 'stream',
      point: (_point, context) => {
        expectTypeOf(context.options).not.toHaveProperty('size');
        expectTypeOf(context.state).toEqualTypeOf<undefined>();
        expectTypeOf(context.prepared).toEqualTypeOf<undefined>();
      },
    });
  });

  it('stay known of the definition', () => {
    const udf = defineUdf({
      name: 'kept',
      wants: 'stream',
      provides: 'stream',
      options,
      point: () => undefined,
    });
    expectTypeOf(udf).toExtend<UdfDefinition>();
    expectTypeOf(udf.options.size).toEqualTypeOf(options.size);
    expectTypeOf(udf.onError).toEqualTypeOf<ErrorPolicy>();
  });
});

describe('the state of a group', () => {
  it('has the type of what `state` makes, and may be replaced by another of it only', () => {
    defineUdf({
      name: 'stateful',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ last: undefined as string | undefined, since: 0n }),
      point: (_point, context) => {
        expectTypeOf(context.state).toEqualTypeOf<{ last: string | undefined; since: bigint }>();
        context.state = { last: 'SHOWTIME', since: 1n };
        // @ts-expect-error -- another shape
        context.state = { last: 5 };
      },
    });
  });

  it('is what `migrate` must return', () => {
    defineUdf({
      name: 'migrating',
      wants: 'stream',
      provides: 'stream',
      version: 2,
      state: () => ({ count: 0 }),
      migrate: (old, fromVersion) => {
        expectTypeOf(old).toEqualTypeOf<unknown>();
        expectTypeOf(fromVersion).toEqualTypeOf<number>();
        return { count: Number(old) };
      },
      point: (_point, context) => {
        expectTypeOf(context.state).toEqualTypeOf<{ count: number }>();
      },
    });
    defineUdf({
      name: 'wrong',
      wants: 'stream',
      provides: 'stream',
      version: 2,
      state: () => ({ count: 0 }),
      // @ts-expect-error -- not the state's shape
      migrate: () => ({ counts: 0 }),
      point: () => undefined,
    });
  });
});

describe('the handlers and what they emit', () => {
  it('are given points, and emit points, on a stream', () => {
    defineUdf({
      name: 'stream',
      wants: 'stream',
      provides: 'stream',
      point: (point, { emit }) => {
        expectTypeOf(point).toEqualTypeOf<Point>();
        expectTypeOf(emit).parameters.toEqualTypeOf<[Point]>();
        emit(point.withField('a', 1).withTags({}).withTime(1n).withName('b').withDimensions(['c']));
        // @ts-expect-error -- no plain object
        emit({ time: 1n, fields: {} });
        // @ts-expect-error -- nothing
        emit(undefined);
      },
    });
  });

  it('emit batches when a batch is provided from a stream', () => {
    defineUdf({
      name: 'windowed',
      wants: 'stream',
      provides: 'batch',
      point: (point, { emit }) => {
        expectTypeOf(emit).parameters.toEqualTypeOf<[Batch]>();
        // @ts-expect-error -- a point is no batch
        emit(point);
      },
    });
  });

  it('are given whole batches, and emit batches', () => {
    defineUdf({
      name: 'batches',
      wants: 'batch',
      provides: 'batch',
      batch: (batch, { emit }) => {
        expectTypeOf(batch).toEqualTypeOf<Batch>();
        expectTypeOf(batch.points).toEqualTypeOf<readonly BatchPoint[]>();
        expectTypeOf(emit).parameters.toEqualTypeOf<[Batch]>();
        emit(batch.withPoints(batch.points.slice(1)));
        // @ts-expect-error -- a point is no batch
        emit(batch.points[0]!);
      },
    });
  });

  it('emit points of either kind when a stream is provided from batches', () => {
    defineUdf({
      name: 'unwound',
      wants: 'batch',
      provides: 'stream',
      batch: (batch, { emit }) => {
        expectTypeOf(emit).parameters.toEqualTypeOf<[Point | BatchPoint]>();
        // @ts-expect-error -- a batch is no point
        emit(batch);
      },
    });
  });

  it('are given a batch point by point, which has no name or database of its own', () => {
    defineUdf({
      name: 'pointwise',
      wants: 'batch',
      provides: 'batch',
      state: () => ({ points: 0 }),
      beginBatch: (batch, context) => {
        expectTypeOf(batch).toEqualTypeOf<BatchInfo>();
        context.state = { points: 1 };
      },
      point: (point, { emit }) => {
        expectTypeOf(point).toEqualTypeOf<BatchPoint>();
        expectTypeOf(point).not.toHaveProperty('name');
        expectTypeOf(point).not.toHaveProperty('dimensions');
        expectTypeOf(point).not.toHaveProperty('withDimensions');
        emit(point.withoutFields('a'));
      },
      endBatch: (batch) => {
        expectTypeOf(batch.time).toEqualTypeOf<bigint>();
      },
    });
  });

  it('may be async', () => {
    defineUdf({
      name: 'async',
      wants: 'stream',
      provides: 'stream',
      point: async (point, { emit }) => {
        emit(await Promise.resolve(point));
      },
    });
  });

  it('may return what they emit: an item, an array, nothing, or a promise of them', () => {
    defineUdf({ name: 'a', wants: 'stream', provides: 'stream', point: (point) => point });
    defineUdf({
      name: 'a',
      wants: 'stream',
      provides: 'stream',
      point: async (point) => Promise.resolve(point.time > 1n ? [point, point] : null),
    });
    defineUdf({ name: 'a', wants: 'batch', provides: 'batch', batch: (batch) => batch });
    defineUdf({ name: 'a', wants: 'batch', provides: 'stream', batch: ({ points }) => points });
    defineUdf({ name: 'a', wants: 'batch', provides: 'batch', point: (point) => point });
    // @ts-expect-error -- a number is no point
    defineUdf({ name: 'a', wants: 'stream', provides: 'stream', point: () => 5 });
    // @ts-expect-error -- a batch is provided
    defineUdf({ name: 'a', wants: 'stream', provides: 'batch', point: (point) => point });
  });

  it('are told of the end of the input, group by group', () => {
    defineUdf({
      name: 'a',
      wants: 'batch',
      provides: 'stream',
      state: () => ({ last: undefined as Point | undefined }),
      batch: () => undefined,
      stop: ({ state, group, emit }) => {
        expectTypeOf(group).toEqualTypeOf<string>();
        expectTypeOf(emit).parameters.toEqualTypeOf<[Point]>();
        return state.last;
      },
    });
  });

  it('name only options that there are as those that the state does not depend on', () => {
    defineUdf({
      name: 'a',
      wants: 'stream',
      provides: 'stream',
      options,
      stateIndependentOf: ['loud'],
      point: (point) => point,
    });
    defineUdf({
      name: 'a',
      wants: 'stream',
      provides: 'stream',
      options,
      // @ts-expect-error -- no option
      stateIndependentOf: ['lout'],
      point: (point) => point,
    });
  });

  it('name only options that there are as those that a handler is for', () => {
    defineUdf({
      name: 'a',
      wants: 'stream',
      provides: 'stream',
      options,
      onlyWith: { timer: ['size'], stop: ['loud', 'also'] },
      point: (point) => point,
      timer: () => undefined,
      stop: () => undefined,
    });
    defineUdf({
      name: 'a',
      wants: 'stream',
      provides: 'stream',
      options,
      // @ts-expect-error -- no option
      onlyWith: { timer: ['sise'] },
      point: (point) => point,
      timer: () => undefined,
    });
    expectTypeOf<OnlyWith['timer']>().toEqualTypeOf<readonly string[] | undefined>();
  });

  it('do not compile when they do not fit what is wanted', () => {
    // @ts-expect-error -- a stream has no batches
    defineUdf({ name: 'a', wants: 'stream', provides: 'stream', batch: () => undefined });
    // @ts-expect-error -- no handler
    defineUdf({ name: 'a', wants: 'stream', provides: 'stream' });
    // @ts-expect-error -- no handler
    defineUdf({ name: 'a', wants: 'batch', provides: 'batch' });
    // @ts-expect-error -- an edge that is none
    defineUdf({ name: 'a', wants: 'points', provides: 'stream', point: () => undefined });
    // @ts-expect-error -- a mistyped part
    defineUdf({ name: 'a', wants: 'stream', provides: 'stream', stat: () => 1, point: () => undefined });
    // @ts-expect-error -- a policy that is none
    defineUdf({ name: 'a', wants: 'stream', provides: 'stream', onError: 'ignore', point: () => undefined });
  });
});
