import { expectPoints, runUdf, type UdfRun } from 'kapacitor-udf/testkit';
import { describe, expect, it } from 'vitest';
import { refusal } from '../../test/support/udf-runs.js';
import edgeDetect from './edge-detect.js';

const second = 1_000_000_000n;

/** A use whose group is the tag `host`, at second 0 of the clock. */
function use(options: string): Promise<UdfRun> {
  return runUdf(edgeDetect, { options: `.field('value')${options}`, groupBy: ['host'], now: 0n });
}

/** A line of `host=a` at this many seconds. */
function line(seconds: number, value: string, more = ''): string {
  return `m,host=a value="${value}"${more} ${BigInt(seconds) * second}`;
}

describe('hold by the clock', () => {
  it('accepts a new state although no point comes, with the time at which it began', async () => {
    const run = await use(".hold(10s).clock('wall').previousAs('was').durationAs('lasted').countAs('n')");
    await run.send(line(100, 'A'));
    await run.advance('5s');
    expect((await run.send(line(105, 'B', ',more=1'))).points).toEqual([]);
    expect((await run.advance('9s')).points).toEqual([]);
    expectPoints(
      (await run.advance('1s')).points,
      'm,host=a value="B",more=1,was="A",lasted=5,n=1i 105000000000',
    );
    expect((await run.advance('1h')).points).toEqual([]);
  });

  it('goes by the time at which points come, not by their own', async () => {
    const run = await use(".hold(10s).clock('wall')");
    await run.send([line(0, 'A'), line(1, 'B'), line(1000, 'B')].join('\n'));
    expect(run.points).toHaveLength(1);
    expect((await run.advance('10s')).points.map(({ time }) => time)).toEqual([second]);
  });

  it('begins anew with each other state, and ends when the old one is back', async () => {
    const run = await use(".hold(10s).clock('wall')");
    await run.send(line(0, 'A'));
    await run.send(line(1, 'B'));
    await run.advance('9s');
    await run.send(line(10, 'C'));
    expect((await run.advance('9s')).points).toEqual([]);
    await run.send(line(19, 'A'));
    expect((await run.advance('1h')).points).toEqual([]);
  });

  it('continues after a restart', async () => {
    const run = await use(".hold(10s).clock('wall')");
    await run.send(line(0, 'A'));
    await run.send(line(1, 'B'));
    await run.advance('4s');
    const again = await run.restart();
    expect((await again.advance('5s')).points).toEqual([]);
    expectPoints((await again.advance('1s')).points, line(1, 'B'));
  });
});

describe('every by the clock', () => {
  it("emits the group's last point again, with the time at which it does", async () => {
    const run = await use(".every(10s).clock('wall').as('now').previousAs('was')");
    await run.send(line(100, 'A'));
    await run.advance('4s');
    await run.send(line(104, 'A', ',more=1'));
    expect((await run.advance('5s')).points).toEqual([]);
    expectPoints((await run.advance('1s')).points, line(10, 'A', ',more=1,now="A"'));
    expect((await run.advance('30s')).points.map(({ time }) => time / second)).toEqual([20n, 30n, 40n]);
  });

  it('counts from the last time that the state was emitted, which a change is', async () => {
    const run = await use(".every(10s).clock('wall')");
    await run.send(line(0, 'A'));
    await run.advance('8s');
    await run.send(line(8, 'B'));
    expect((await run.advance('9s')).points).toEqual([]);
    expectPoints((await run.advance('1s')).points, line(18, 'B'));
  });

  it('does not repeat what from and to leave out, nor a state while another one is pending', async () => {
    const run = await use(".every(10s).hold(30s).to('A').clock('wall')");
    await run.send(line(0, 'A'));
    await run.advance('5s');
    await run.send(line(5, 'B'));
    expect((await run.advance('20s')).points).toEqual([]);
    expectPoints((await run.send(line(25, 'A'))).points, line(25, 'A'));
    await run.send(line(26, 'B'));
    expect((await run.advance('1h')).points).toEqual([]);
  });
});

describe('silentAfter', () => {
  it.each([
    ["by the clock, the group's last point again, marked as silent", ".clock('wall')", '5m'],
    ["by the points' time of the connection, the same", '', ''],
  ])('emits %s', async (_what, clock, wait) => {
    const run = await use(`.silentAfter(5m)${clock}.as('now')`);
    await run.send(line(0, 'A', ',more=1'));
    const silent = wait ? await run.advance(wait) : await run.send(`m,host=b value="X" ${300n * second}`);
    expectPoints(
      silent.points.filter(({ tags }) => tags.host === 'a'),
      line(300, 'A', ',more=1,now="A",silent=true'),
    );
  });

  it('emits the next point as the return, although the state is the same', async () => {
    const run = await use(".silentAfter(5m).silentAs('gone').clock('wall')");
    expectPoints((await run.send(line(0, 'A'))).points, line(0, 'A', ',gone=false'));
    await run.advance('1h');
    expectPoints((await run.send(line(3600, 'A'))).points, line(3600, 'A', ',gone=false'));
    expect((await run.send(line(3601, 'A'))).points).toEqual([]);
    expect(run.points).toHaveLength(3);
  });

  it('emits silence and return also where from and to leave the state out', async () => {
    const run = await use(".silentAfter(5m).to('B').clock('wall')");
    expect((await run.send(line(0, 'A'))).points).toEqual([]);
    expectPoints((await run.advance('5m')).points, line(300, 'A', ',silent=true'));
    expectPoints((await run.send(line(301, 'A'))).points, line(301, 'A', ',silent=false'));
  });

  it('is not repeated, and neither is the state until the return', async () => {
    const run = await use(".silentAfter(5m).every(1m).clock('wall')");
    await run.send(line(0, 'A'));
    const { points } = await run.advance('1h');
    expect(points.map((point) => [Number(point.time / second), point.field('silent')])).toEqual([
      [60, false],
      [120, false],
      [180, false],
      [240, false],
      [300, true],
    ]);
    await run.send(line(3600, 'A'));
    expectPoints((await run.advance('1m')).points, line(3660, 'A', ',silent=false'));
  });

  it('does not hear points that lack the field', async () => {
    const run = await use(".silentAfter(5m).clock('wall')");
    await run.send(line(0, 'A'));
    await run.advance('4m');
    await run.send(`m,host=a other=1 ${240n * second}`);
    expectPoints((await run.advance('1m')).points, line(300, 'A', ',silent=true'));
  });

  it('knows a silent group after a restart', async () => {
    const run = await use(".silentAfter(5m).clock('wall')");
    await run.send(line(0, 'A'));
    await run.advance('5m');
    const again = await run.restart();
    expect((await again.advance('1h')).points).toEqual([]);
    expectPoints((await again.send(line(4000, 'A'))).points, line(4000, 'A', ',silent=false'));
  });
});

describe('newAs', () => {
  it("marks a group's first point, which is emitted whatever from and to say", async () => {
    const run = await use(".newAs('new').to('B')");
    const { points } = await run.send([line(0, 'A'), line(1, 'A'), line(2, 'B')].join('\n'));
    expectPoints(points, [line(0, 'A', ',new=true'), line(2, 'B', ',new=false')].join('\n'));
  });

  it('does not mark a group that the snapshot knows', async () => {
    const run = await use(".newAs('new')");
    await run.send(line(0, 'A'));
    const again = await run.restart();
    expectPoints((await again.send(line(1, 'B'))).points, line(1, 'B', ',new=false'));
  });
});

describe('totalsEvery', () => {
  const total = (start: number, state: string, time: number): string =>
    `m,host=a,state=${state} total=${time} ${BigInt(start) * second}`;

  it('emits the time in each state at the end of each interval, with the time of its start', async () => {
    const run = await use('.totalsEvery(1m).emitFirst(FALSE)');
    await run.send([line(70, 'A'), line(100, 'B'), line(110, 'A')].join('\n'));
    const changes = run.points.length;
    const { points } = await run.send(line(190, 'A'));
    expectPoints(points.slice(0), [total(60, 'A', 40), total(60, 'B', 10), total(120, 'A', 60)].join('\n'));
    expect(changes).toBe(2);
  });

  it('emits the interval that is open at stop, up to the last point, or to the time of day', async () => {
    const byPoints = await use('.totalsEvery(1m)');
    await byPoints.send([line(0, 'A'), line(20, 'A')].join('\n'));
    expectPoints((await byPoints.stop()).points.slice(1), total(0, 'A', 20));
    const byClock = await use(".totalsEvery(1m).clock('wall')");
    await byClock.send(line(1000, 'A'));
    await byClock.advance('50s');
    expectPoints((await byClock.stop()).points.slice(1), total(0, 'A', 50));
  });

  it('goes on after a restart: the whole interval comes with the time of the part at stop, and replaces it', async () => {
    const run = await use(".totalsEvery(1m).clock('wall')");
    await run.send(line(0, 'A'));
    await run.advance('30s');
    const again = await run.restart();
    expectPoints(run.points.slice(1), total(0, 'A', 30));
    expectPoints((await again.advance('30s')).points, total(0, 'A', 60));
  });

  it('counts in unit, and names field and tag as it is told', async () => {
    const run = await use(".totalsEvery(1h).unit(1m).totalAs('minutes').stateTag('was').clock('wall')");
    await run.send(line(0, 'A'));
    const { points } = await run.advance('1h');
    expectPoints(points, 'm,host=a,was=A minutes=60 0');
  });

  it('counts a state that hold confirms only later from its begin, but not into an interval that is over', async () => {
    const run = await use('.totalsEvery(1m).hold(20s)');
    await run.send([line(0, 'A'), line(10, 'B'), line(30, 'B'), line(50, 'A')].join('\n'));
    const { points } = await run.send([line(70, 'A'), line(120, 'A')].join('\n'));
    expectPoints(
      points.filter((point) => point.tag('state') !== undefined),
      [total(0, 'A', 10), total(0, 'B', 50), total(60, 'A', 60)].join('\n'),
    );
  });

  it('counts silence to no state, and emits nothing for an interval without any', async () => {
    const run = await use(".totalsEvery(1m).silentAfter(90s).clock('wall')");
    await run.send(line(0, 'A'));
    const { points } = await run.advance('1h');
    expectPoints(
      points.filter((point) => point.tag('state') !== undefined),
      [total(0, 'A', 60), total(60, 'A', 30)].join('\n'),
    );
    await run.send(line(3630, 'A'));
    await run.advance('30s');
    await run.send(line(3661, 'A'));
    expectPoints((await run.advance('30s')).points, total(3600, 'A', 60));
  });

  it('counts levels, several fields, and what has no value', async () => {
    const levels = await runUdf(edgeDetect, { options: ".field('v').above(1.0).totalsEvery(1m)", now: 0n });
    await levels.send(`m v=2 0\nm v=1 ${10n * second}\nm v=1 ${60n * second}`);
    expectPoints(levels.points.slice(2), 'm,state=high total=10 0\nm,state=low total=50 0');
    const pairs = await runUdf(edgeDetect, {
      options: ".field('v').tag('t').onMissing('change').totalsEvery(1m)",
      now: 0n,
    });
    await pairs.send(`m,t=x v=2 0\nm v=2 ${10n * second}\nm v=2 ${60n * second}`);
    expectPoints(pairs.points.slice(2), `m,state=2\\,x total=10 0\nm,state=2\\, total=50 0`);
    const missing = await runUdf(edgeDetect, {
      options: ".field('v').onMissing('change').totalsEvery(1m)",
      now: 0n,
    });
    await missing.send(`m w=2 0\nm w=2 ${60n * second}`);
    expectPoints(missing.points.slice(1), 'm total=60 0');
  });

  it('counts more than 100 states of an interval together, as other', async () => {
    const run = await use('.totalsEvery(1h)');
    await run.send(Array.from({ length: 151 }, (_, index) => line(index, `s${index}`)).join('\n'));
    const { points } = await run.send(line(3600, 'end'));
    const totals = points.flatMap((point) => (point.tag('state') === undefined ? [] : [point]));
    expect(totals).toHaveLength(101);
    expect(totals.at(-1)!.tag('state')).toBe('other');
    expect(totals.reduce((sum, point) => sum + (point.number('total') ?? 0), 0)).toBe(3600);
  });

  it('ends after 1,000 intervals without a point, and begins again with the next one', async () => {
    const run = await use('.totalsEvery(1m).emitFirst(FALSE)');
    await run.send(line(0, 'A'));
    const { points } = await run.send(`m,host=b value="X" ${1_000_000n * 60n * second}`);
    expect(points).toHaveLength(1001);
    await run.send(line(120_000, 'A'));
    const next = await run.send(line(120_060, 'A'));
    expectPoints(next.points, total(120_000, 'A', 60));
  });

  it('comes back from a time in the future, with the clock of its group', async () => {
    const run = await use('.totalsEvery(1m).maxLatePoints(1).maxLateTime(0s).emitFirst(FALSE)');
    await run.send([line(0, 'A'), line(7230, 'A')].join('\n'));
    await run.send([line(60, 'A'), line(120, 'A')].join('\n'));
    const { points } = await run.send(line(180, 'A'));
    expectPoints(points, total(120, 'A', 60));
  });
});

describe('tags', () => {
  const lineOf = (seconds: number, tag: string, value = 1): string =>
    `m,host=a,mode=${tag} value=${value} ${BigInt(seconds) * second}`;

  it('are watched as fields are', async () => {
    const run = await runUdf(edgeDetect, {
      options: ".tag('mode').as('now').previousAs('was').durationAs('lasted')",
      groupBy: ['host'],
    });
    const { points } = await run.send([lineOf(0, 'x'), lineOf(5, 'x', 2), lineOf(10, 'y')].join('\n'));
    expectPoints(points, [
      { time: 0n, fields: { value: 1, now: 'x' } },
      { time: 10n * second, fields: { value: 1, now: 'y', was: 'x', lasted: 10 } },
    ]);
  });

  it('count together with fields: as names one for each, fields first', async () => {
    const run = await runUdf(edgeDetect, {
      options: ".tag('mode').field('value').as('v').as('m').to('y')",
      groupBy: ['host'],
    });
    const lines = [lineOf(0, 'x'), lineOf(1, 'x', 2), lineOf(2, 'y', 2), lineOf(3, 'y', 3)];
    const { points } = await run.send(lines.join('\n'));
    expect(points.map(({ fields }) => fields)).toEqual([{ value: 2, v: 2, m: 'y' }]);
  });

  it('go beside a threshold, which is for the fields', async () => {
    const run = await runUdf(edgeDetect, {
      options: ".tag('mode').field('value').above(5.0)",
      groupBy: ['host'],
    });
    const lines = [lineOf(0, 'x'), lineOf(1, 'x', 2), lineOf(2, 'y', 2), lineOf(3, 'y', 6)];
    expect((await run.send(lines.join('\n'))).points.map(({ time }) => time / second)).toEqual([0n, 2n, 3n]);
  });

  it('may be missing, as fields may', async () => {
    const lines = [lineOf(0, 'x'), `m,host=a value=1 ${second}`, lineOf(2, 'x')].join('\n');
    const counts = [];
    for (const onMissing of ['skip', 'change'] as const) {
      const run = await runUdf(edgeDetect, { options: { tag: 'mode', onMissing }, groupBy: ['host'] });
      counts.push((await run.send(lines)).points.length);
    }
    expect(counts).toEqual([1, 3]);
    const failing = await runUdf(edgeDetect, {
      options: ".tag('mode').onMissing('error')",
      groupBy: ['host'],
    });
    await expect(failing.send(lines)).rejects.toThrow('has no value to watch in the tag "mode"');
  });
});

describe('options that contradict each other are refused', () => {
  it.each([
    ['', 'one of .field() or .tag() is required'],
    [".tag('a').tag('a')", ".tag('a') is given more than once"],
    [".tag('a').above(1.0)", '.above() needs .field()'],
    [".tag('a').deadband(1.0)", '.deadband() needs .field()'],
    [".tag('a').field('b').as('x')", '.as() must be given once per .field() and .tag() (2), got 1'],
    [
      ".field('a').clock('wall')",
      ".clock('wall') needs one of .hold(), .every(), .silentAfter() or .totalsEvery()",
    ],
    [".field('a').silentAs('x')", '.silentAs() needs .silentAfter()'],
    [".field('a').totalAs('x')", '.totalAs() needs .totalsEvery()'],
    [".field('a').stateTag('x')", '.stateTag() needs .totalsEvery()'],
    [
      ".field('a').totalsEvery(1m).late('process')",
      ".totalsEvery() needs points in order: .late('process') only goes with .clock('wall')",
    ],
    [".field('a').newAs('x').emitFirst(FALSE)", '.newAs() and .emitFirst(FALSE) exclude each other'],
    [
      ".field('silent').silentAfter(1m)",
      "an option would overwrite the watched field 'silent'; give it another name",
    ],
    [".field('a').totalsEvery(1m).as('total')", "two options write the field 'total'"],
  ])('%s', async (options, problem) => {
    expect(await refusal(edgeDetect, options)).toBe(`edgeDetect: ${problem}`);
  });
});
