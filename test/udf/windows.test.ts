import { defineUdf, type GroupItems, type NewItem, type Window, windows, type Windows } from 'kapacitor-udf';
import { describe, expect, it } from 'vitest';
import { runUdf } from '../../src/testkit/run.js';

const second = 1_000_000_000n;

interface Sum {
  sum: number;
}

const create = (): Sum => ({ sum: 0 });

/** Adds up the field `v` of each window. */
function summing(name: string, kind: Windows<Sum>) {
  const { state, of, close, closeAll, isState } = kind;
  return defineUdf({
    name,
    wants: 'stream',
    provides: 'stream',
    state,
    isState,
    point(point, context) {
      for (const { value } of of(point, context)) value.sum += point.number('v')!;
    },
    timer: (timer, context) =>
      close(timer, context, ({ start, end, value: { sum } }) =>
        context.newPoint({ start: Number(start / second), end: Number(end / second), sum }),
      ),
    stop: (context) =>
      closeAll(context, ({ start, end, value: { sum } }) =>
        context.newPoint({ start: Number(start / second), end: Number(end / second), sum }, { time: end }),
      ),
  });
}

const line = (time: number, v: number, host = 'a'): string =>
  `m,host=${host} v=${v} ${BigInt(time) * second}`;

/** The windows that came out, as `start-end: sum`. */
const shown = (points: readonly { readonly fields: Readonly<Record<string, unknown>> }[]): string[] =>
  points.map(({ fields: { start, end, sum } }) => `${start as number}-${end as number}: ${sum as number}`);

describe('tumbling windows', () => {
  const udf = summing('tumbling', windows.tumbling('10s', create));

  it('are closed by the first point after their end, and the rest by stop', async () => {
    const run = await runUdf(udf, { groupBy: ['host'] });
    const { points } = await run.send(
      [line(1, 1), line(9, 2), line(3, 4, 'b'), line(10, 8), line(45, 16)].join('\n'),
    );
    expect(shown(points)).toEqual(['0-10: 3', '10-20: 8']);
    expect(shown((await run.stop()).points)).toEqual(['0-10: 3', '10-20: 8', '40-50: 16', '0-10: 4']);
  });

  it('count a point of a closed window as late', async () => {
    const run = await runUdf(udf);
    await run.send([line(1, 1), line(12, 2), line(9, 4)].join('\n'));
    expect(run.stats.counters).toEqual({ late: 1 });
    expect(shown((await run.stop()).points)).toEqual(['0-10: 1', '10-20: 2']);
  });

  it('begin at multiples of their size before the epoch too', async () => {
    const run = await runUdf(udf);
    await run.send(line(-1, 1));
    expect(shown((await run.stop()).points)).toEqual(['-10-0: 1']);
  });

  it('stay open for late points as long as `lateness` says', async () => {
    const run = await runUdf(summing('late', windows.tumbling('10s', create, { lateness: '5s' })));
    const { points } = await run.send([line(1, 1), line(14, 2), line(9, 4), line(15, 8)].join('\n'));
    expect(shown(points)).toEqual(['0-10: 5']);
  });

  it('are closed by the wall clock if asked for', async () => {
    const run = await runUdf(summing('wall', windows.tumbling('10s', create, { clock: 'wall' })));
    await run.send(line(1, 1));
    expect(shown((await run.advance('10s')).points)).toEqual(['0-10: 1']);
  });

  it('go on after a restart', async () => {
    const run = await runUdf(udf);
    await run.send(line(1, 1));
    const again = await run.restart();
    expect(shown((await again.send([line(2, 2), line(10, 4)].join('\n'))).points)).toEqual(['0-10: 3']);
  });
});

it('sliding windows overlap: a point belongs to each', async () => {
  const run = await runUdf(summing('sliding', windows.sliding('10s', '5s', create)));
  const { points } = await run.send([line(1, 1), line(7, 2), line(30, 4)].join('\n'));
  expect(shown(points)).toEqual(['-5-5: 1', '0-10: 3', '5-15: 2']);
});

describe('windows with gaps between them', () => {
  const udf = summing('gaps', windows.sliding('10s', '60s', create));

  it('leave out the points between, which are not late', async () => {
    const run = await runUdf(udf);
    await run.send([line(1, 1), line(30, 2), line(61, 4)].join('\n'));
    expect(run.stats.counters).toEqual({});
    expect(shown((await run.stop()).points)).toEqual(['0-10: 1', '60-70: 4']);
  });

  it('count a point of a closed window as late', async () => {
    const run = await runUdf(udf);
    await run.send([line(1, 1), line(30, 2), line(9, 4), line(45, 8)].join('\n'));
    expect(run.stats.counters).toEqual({ late: 1 });
  });
});

describe('a finish that throws for a window', () => {
  const five = windows.sliding('10s', '2s', create);
  const finish = (
    { end, value: { sum } }: Window<Sum>,
    context: { newPoint: GroupItems<NewItem>['newPoint'] },
  ) => {
    if (end === 4n * second || end === 6n * second) throw new Error(`no luck at ${end / second}`);
    return context.newPoint({ start: 0, end: Number(end / second), sum }, { time: end });
  };
  const failing = defineUdf({
    name: 'failing',
    wants: 'stream',
    provides: 'stream',
    onError: 'drop',
    state: five.state,
    point(point, context) {
      for (const { value } of five.of(point, context)) value.sum += point.number('v')!;
    },
    timer: (timer, context) => five.close(timer, context, (window) => finish(window, context)),
    stop: (context) => five.closeAll(context, (window) => finish(window, context)),
  });

  it('loses that one only: the others are emitted, and what is open is closed later', async () => {
    const run = await runUdf(failing);
    const { points } = await run.send([line(1, 1), line(20, 2)].join('\n'));
    expect(shown(points)).toEqual(['0-2: 1', '0-8: 1', '0-10: 1']);
    expect(run.stats.errors).toBe(2);
  });

  it('the same at the end', async () => {
    const run = await runUdf(failing);
    await run.send(line(1, 1));
    expect(shown((await run.stop()).points)).toEqual(['0-2: 1', '0-8: 1', '0-10: 1']);
    expect(run.stats.errors).toBe(1);
    expect(run.log.some(({ message }) => message.includes('no luck at 4'))).toBe(true);
  });
});

describe('a session', () => {
  it('goes on until no point comes for the gap', async () => {
    const run = await runUdf(summing('session', windows.session('10s', create)));
    const { points } = await run.send([line(1, 1), line(9, 2), line(18, 4), line(30, 8)].join('\n'));
    expect(shown(points)).toEqual(['1-28: 7']);
    expect(shown((await run.stop()).points)).toEqual(['1-28: 7', '30-40: 8']);
  });

  it('ends by the wall clock if asked for, and a new one begins beside it meanwhile', async () => {
    const run = await runUdf(summing('session', windows.session('10s', create, { clock: 'wall' })));
    await run.send([line(1, 1), line(20, 2), line(25, 4)].join('\n'));
    expect(shown((await run.advance('40s')).points)).toEqual(['1-11: 1', '20-35: 6']);
  });

  it('takes late points that belong to it, and counts others', async () => {
    const run = await runUdf(summing('session', windows.session('10s', create)));
    await run.send([line(100, 1), line(95, 2), line(80, 4)].join('\n'));
    expect(run.stats.counters).toEqual({ late: 1 });
    expect(shown((await run.stop()).points)).toEqual(['95-110: 3']);
  });
});

describe('mistakes', () => {
  it.each([
    ['a size of 0', () => windows.tumbling('0s', create), 'the size of windows must be a duration above 0'],
    ['no duration', () => windows.session('soon', create), '"soon" is not a duration'],
    [
      'too many windows a point',
      () => windows.sliding('1d', '1s', create),
      'a point would belong to 86400 windows',
    ],
  ])('%s is refused', (_what, make, message) => {
    expect(make).toThrow(message);
  });

  it.each([[null], [{}], [{ windows: [{}], closedUpTo: null }], [{ windows: [], closedUpTo: 1 }]])(
    'a restored state %j is refused by isState',
    (state) => {
      expect(windows.tumbling('1m', create).isState(state)).toBe(false);
    },
  );
});
