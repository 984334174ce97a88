import { describe, expect, it } from 'vitest';

interface Aim {
  readonly aim: string;
  readonly value: string;
  readonly met: boolean;
}

const load = async (path: string): Promise<unknown> => import(path);
const { resultTables } = (await load('./tables.mjs')) as { resultTables: (run: object) => string };
const { aims } = (await load('./aims.mjs')) as { aims: (run: object) => readonly Aim[] };

const spread = (median: number) => ({ median, min: median / 2, max: median * 2 });

/** A run in which the plain host moves 10 M points a second, and isolated UDFs as many as given. */
function run(isolated?: number) {
  const metric = (own: number, other: number | undefined) => ({
    values: {
      this: spread(own),
      yardstick: spread(2 * own),
      ...(other !== undefined && { isolated: spread(other) }),
    },
    ratios: { yardstick: spread(0.5), ...(other !== undefined && { isolated: spread(own / other) }) },
  });
  const results = ['mirror', 'movingAverage'].map((udf) => ({
    kind: 'throughput',
    udf,
    variant: 'default',
    metrics: {
      pointsPerSecond: metric(1e7, isolated),
      bytesPerSecond: metric(1e9, undefined),
      cpuPerMillion: metric(0.1, isolated && 0.2),
    },
  }));
  return {
    commit: 'abc',
    node: 'v24.0.0',
    machine: '2 cores',
    at: '2026-01-01',
    rounds: 6,
    yardstick: 'C',
    results,
  };
}

const rowsOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('|'));

describe('the table of a run', () => {
  it('has the isolated UDFs and their share of the plain host, if they were measured', () => {
    const rows = rowsOf(resultTables(run(7e6)));
    expect(rows[0]).toBe('|  | kapacitor-udf | C | ratio | isolated | of plain |');
    expect(rows).toContain('| mirror: points/s | 10.00 M | 20.00 M | 0.50 | 7.00 M | 0.70 |');
  });

  it('has no such columns otherwise', () => {
    const rows = rowsOf(resultTables(run()));
    expect(rows[0]).toBe('|  | kapacitor-udf | C | ratio |');
    expect(rows).toContain('| mirror: points/s | 10.00 M | 20.00 M | 0.50 |');
  });
});

describe('the aims of isolation', () => {
  const isolated = (given: object) => aims(given).filter(({ aim }) => aim.includes('isolated'));

  it('are 0.6 of the plain host for mirror and 0.85 for movingAverage', () => {
    expect(isolated(run(7e6))).toEqual([
      { aim: "mirror, isolated: points/s at least 0.6 of the plain host's", value: '0.7', met: true },
      {
        aim: "movingAverage, isolated: points/s at least 0.85 of the plain host's",
        value: '0.7',
        met: false,
      },
    ]);
  });

  it('are left out of a run that did not measure it', () => {
    expect(isolated(run())).toEqual([]);
  });
});
