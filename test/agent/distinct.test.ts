import { describe, expect, it } from 'vitest';
import { runUdf } from '../../src/testkit/run.js';
import edgeDetect from '../../udfs/edge-detect/edge-detect.js';
import mirror from '../../udfs/mirror/mirror.js';
import outliers from '../../udfs/outliers/outliers.js';
import { outputOf, refusal } from '../support/udf-runs.js';

/** A door that opens and closes, each point delivered twice, as a subscription does at times. */
const twice = `
  door,id=1 open=true 1
  door,id=1 open=true 1
  door,id=1 open=false 2
  door,id=1 open=false 2
  door,id=1 open=true 3
`;

describe('.distinct()', () => {
  it('drops points that repeat one of their group, and counts them', async () => {
    const { points, counters } = await outputOf(edgeDetect, ".field('open').countAs('n').distinct()", twice);
    expect(points.map(({ fields }) => fields.n)).toEqual([undefined, 1n, 1n]);
    expect(counters).toEqual({ repeated: 2 });
  });

  it('is off unless it is asked for', async () => {
    const { points } = await outputOf(edgeDetect, ".field('open').countAs('n')", twice);
    expect(points.map(({ fields }) => fields.n)).toEqual([undefined, 2n, 2n]);
  });

  it('compares time, fields and their types, in whatever order the fields came, within the group', async () => {
    const given = `
      m,host=a x=1,y=2 1
      m,host=a y=2,x=1 1
      m,host=a x=1i,y=2 1
      m,host=a x=1 1
      m,host=a x=1,y=2 2
      m,host=b x=1,y=2 1
    `;
    const { points } = await outputOf(mirror, '.distinct()', given, { groupBy: ['host'] });
    expect(points).toHaveLength(5);
  });

  it('remembers the last 64 points of a group', async () => {
    const lines = Array.from({ length: 66 }, (_, index) => `m v=1 ${index}`);
    const { counters } = await outputOf(mirror, '.distinct()', [...lines, 'm v=1 2', 'm v=1 1'].join('\n'));
    expect(counters).toEqual({ repeated: 1 });
  });

  it('remembers as many points as .distinctPoints() says, or as much time as .distinctTime()', async () => {
    const given = 'm v=1 1000000000\nm v=1 2000000000\nm v=1 3000000000\nm v=1 1000000000\nm v=1 3000000000';
    const counted = async (options: string) => (await outputOf(mirror, options, given)).counters;
    expect(await counted('.distinctPoints(2)')).toEqual({ repeated: 1 });
    expect(await counted('.distinctPoints(3)')).toEqual({ repeated: 2 });
    expect(await counted('.distinctTime(1s)')).toEqual({ repeated: 1 });
    expect(await counted('.distinctTime(2s)')).toEqual({ repeated: 2 });
    expect(await refusal(mirror, '.distinctPoints(2).distinctTime(1s)')).toBe(
      'mirror: .distinctPoints() and .distinctTime() exclude each other',
    );
  });

  it('keeps what it remembers in snapshots', async () => {
    const run = await runUdf(mirror, { options: '.distinct()', groupBy: ['host'] });
    await run.send('m,host=a v=1 1\nm,host=b v="a text that is longer than what is kept as it is" 1');
    const again = await run.restart();
    const { points } = await again.send(
      'm,host=a v=1 1\nm,host=b v="a text that is longer than what is kept as it is" 1\nm,host=c v=1 1',
    );
    expect(points.map((point) => point.tag('host'))).toEqual(['c']);
  });

  it('is refused where batches come in', async () => {
    expect(await refusal(outliers, ".field('v').distinct()")).toBe(
      'outliers: .distinct() needs a UDF that wants a stream',
    );
  });
});
