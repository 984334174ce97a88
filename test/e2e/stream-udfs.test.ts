import { describe, expect, it } from 'vitest';
import { adslChanges, adslLines } from './support/adsl.js';
import { series, values } from './support/lines.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { show, startTask } from './support/test-task.js';
import { eventually } from './support/until.js';

const { missing, title } = needs('A stream UDF in a task of a real Kapacitor', ['KAPACITORD']);

describe.skipIf(missing)(title, () => {
  const stack = useStack();
  const run = (script: string) => startTask(stack.kapacitor, { script });

  it('edgeDetect reduces the seventeen ADSL records to the six changes', async () => {
    const task = await run(
      `stream|from().measurement('adsl_connection').groupBy('host')
      @edgeDetect().field('value')
      ${show('out')}`,
    );
    await task.write(adslLines);
    await eventually(() => task.rows('out')).toEqual(adslChanges);
  });

  it('edgeDetect tells the old state and how long it lasted', async () => {
    const task = await run(
      `stream|from().measurement('adsl_connection').groupBy('host')
      @edgeDetect().field('value').emitFirst(FALSE)
        .previousAs('was').durationAs('minutes').unit(1m).countAs('points')
      ${show('out')}`,
    );
    await task.write(adslLines);
    await eventually(() => task.columns('out', 'was', 'minutes', 'points')).toEqual([
      ['SHOWTIME', expect.closeTo(1.5, 3), 1],
      ['TRAINING', expect.closeTo(1.5, 3), 1],
      ['SHOWTIME', expect.closeTo(7.5, 3), 5],
      ['TRAINING', expect.closeTo(6, 3), 4],
      ['SHOWTIME', expect.closeTo(3, 3), 2],
    ]);
  });

  it('movingAverage averages a window of points', async () => {
    const task = await run(
      `stream|from().measurement('margin').groupBy('host')
      @movingAverage().field('value').size(3).as('mean').keep(TRUE)
      ${show('out')}`,
    );
    await task.write(values('margin,host=a', [1, 2, 6, 10]));
    await eventually(() => task.columns('out', 'value', 'mean')).toEqual([
      [1, 1],
      [2, 1.5],
      [6, 3],
      [10, 6],
    ]);
  });

  it('movingAverage averages a window of time', async () => {
    const task = await run(
      `stream|from().measurement('margin').groupBy('host')
      @movingAverage().field('value').period(2m).emitPartial(FALSE)
      ${show('out')}`,
    );
    await task.write(values('margin,host=a', [1, 2, 6, 10], { every: 60 }));
    await eventually(() => task.columns('out', 'time', 'avg')).toEqual([
      ['2018-01-03T11:32:00Z', 4],
      ['2018-01-03T11:33:00Z', 8],
    ]);
  });

  it('calendarTotals has the days of a zone, and refuses one that is unknown', async () => {
    const totals = (zone: string) =>
      run(
        `stream|from().measurement('meter').groupBy('host')
        @calendarTotals().by('day').zone('${zone}').interval(6h).sum('kwh', 'kwh').integral('kw', 'kwh_of_kw')
        ${show('out')}`,
      );
    const task = await totals('Europe/Berlin');
    // From 2018-01-03T11:30:00Z, every six hours.
    await task.write(
      series('meter,host=a', ['kwh=1i,kw=1.5', 'kwh=2i,kw=2', 'kwh=4i,kw=4'], { every: 6 * 3600 }),
    );
    await eventually(() => task.rows('out')).toEqual([
      {
        time: '2018-01-02T23:00:00Z',
        host: 'a',
        period: 'day',
        zone: 'Europe/Berlin',
        kwh: 3,
        kwh_of_kw: 21,
        expected: 4,
        missing: 0.5,
        partial: false,
        revision: 0,
      },
    ]);
    const mistaken = await totals('Europe/Brlin');
    await eventually(async () => (await mistaken.state()).error).toContain(
      "failed to initialize processes calendarTotals: .zone(): the time zone 'Europe/Brlin' is unknown (did you mean 'Europe/Berlin'?)",
    );
  });

  it('mirror changes nothing, whatever the types, names and groups', async () => {
    // As texts, because JSON.parse would round these integers.
    const texts = `|eval(lambda: string("big"), lambda: string("small")).as('big_text', 'small_text').keep()`;
    const task = await run(
      `var all = stream|from().measurement('alle Größen').groupBy('zimmer', 'host').groupByMeasurement()
      all${texts}${show('in')}
      all@mirror()${texts}${show('out')}`,
    );
    const name = 'alle\\ Größen';
    await task.write([
      ...series(`${name},host=a,zimmer=Küche`, [
        'big=9223372036854775807i,small=-9223372036854775808i,text="ein \\"Wort\\"",on=true,x=-1.5e-300',
        'big=-1i,small=0i,text="",on=false,x=1e300',
      ]),
      ...series(`${name},host=b,zimmer=Bad`, ['big=1i,small=-1i,text="二",on=true,x=0']),
      ...series(`${name},host=b`, ['big=1i,small=-1i,extra=1i,x=0.1']),
    ]);
    await eventually(() => task.rows('in')).toHaveLength(4);
    const given = await task.rows('in');
    await eventually(() => task.rows('out')).toEqual(given);
    expect(given[0]).toMatchObject({ big_text: '9223372036854775807', zimmer: 'Küche', text: 'ein "Wort"' });
  });

  it('takes what another one gives', async () => {
    const task = await run(
      `stream|from().measurement('chain').groupBy('host')
      @movingAverage().field('value').size(2)
      @edgeDetect().field('avg').above(5.0).as('level')
      ${show('out')}`,
    );
    await task.write(values('chain,host=a', [1, 2, 20, 20, 1, 1]));
    await eventually(() => task.columns('out', 'avg', 'level')).toEqual([
      [1, 'low'],
      [11, 'high'],
      [1, 'low'],
    ]);
  });

  it('is one instance a use: two in a task know nothing of each other', async () => {
    const task = await run(
      `var all = stream|from().measurement('twice').groupBy('host')
      all@edgeDetect().field('value').emitFirst(FALSE)${show('changes')}
      all@edgeDetect().field('value').to('2')${show('twos')}`,
    );
    await task.write(values('twice,host=a', [1, 2, 2, 1, 2]));
    await eventually(() => task.columns('changes', 'value')).toEqual([[2], [1], [2]]);
    await eventually(() => task.columns('twos', 'value')).toEqual([[2], [2]]);
  });

  it('shows what is wrong with its options in the error of the task', async () => {
    const task = await run(`stream|from().measurement('m')@movingAverage().field('value').size(0)`);
    await eventually(async () => (await task.state()).error).toBe(
      'movingAverage2: failed to initialize processes movingAverage: ' +
        '.size() must be at least 1, got 0; one of .size() or .period() is required',
    );
    expect(await task.state()).toMatchObject({ status: 'enabled', executing: false });
  });

  it.each([
    ['an option it does not have', `@edgeDetect().feild('value')`, /no method or property "feild"/],
    [
      'an argument of another type',
      `@edgeDetect().field(1)`,
      /unexpected arg to field, got INT expected STRING/,
    ],
    ['too many arguments', `@edgeDetect().field('a', 'b')`, /unexpected number of args to field/],
    [
      'another kind of edge',
      `@outliers().field('value')`,
      /mismatched edges: from1:stream -> outliers2:batch/,
    ],
  ])('has told Kapacitor enough to refuse %s when the task is defined', async (_what, udf, refusal) => {
    await expect(run(`stream|from().measurement('m')${udf}`)).rejects.toThrow(refusal);
  });

  describe('that throws on a point', () => {
    const script = (onError: string): string =>
      `stream|from().measurement('gap').groupBy('host')
      @edgeDetect().field('value').onMissing('error')${onError}
      ${show('out')}`;
    const lines = series('gap,host=a', ['value=1,n=0i', 'value=1,n=1i', 'n=2i', 'value=2,n=3i']);

    it('ends the task, whose error says why', async () => {
      const task = await run(script(''));
      await task.write(lines);
      const error = async (): Promise<string> => {
        await task.write(values('gap,host=b', [1])); // Kapacitor notices when it has another point for the UDF
        return (await task.state()).error;
      };
      await eventually(error).toContain(
        `edgeDetect: task ${task.id}: the point at 1514979002000000000 (group "host=a") ` +
          'has no value to watch in the field "value"',
      );
      expect(await task.state()).toMatchObject({ executing: false });
    });

    it(`drops the point and goes on, with .onError('drop')`, async () => {
      const task = await run(script(`.onError('drop')`));
      await task.write(lines);
      await eventually(() => task.columns('out', 'value')).toEqual([[1], [2]]);
      expect(await task.state()).toMatchObject({ executing: true, error: '' });
    });

    it(`passes the point on and goes on, with .onError('pass')`, async () => {
      const task = await run(script(`.onError('pass')`));
      await task.write(lines);
      await eventually(() => task.columns('out', 'n', 'value')).toEqual([
        [0, 1],
        [2, null],
        [3, 2],
      ]);
      expect(await task.state()).toMatchObject({ executing: true, error: '' });
    });
  });
});
