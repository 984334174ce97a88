import { createBatch, createPoint } from 'kapacitor-udf';
import { expectBatches, ExpectationError, expectPoints, runUdf } from 'kapacitor-udf/testkit';
import { describe, expect, test } from 'vitest';
import mirror from '../../udfs/mirror/mirror.js';

const cpu = (time: bigint, v: number | bigint, tags = { host: 'a' }) =>
  createPoint({ name: 'cpu', time, tags, fields: { v } });

function failureOf(check: () => void): ExpectationError {
  try {
    check();
  } catch (reason) {
    if (reason instanceof ExpectationError) return reason;
    throw reason;
  }
  throw new Error('it should have failed');
}

describe('expectPoints', () => {
  test('accepts the points that are expected, as line protocol or as objects', () => {
    const points = [cpu(1n, 1), cpu(2n, 2n)];
    expectPoints(points, 'cpu,host=a v=1 1\ncpu,host=a v=2i 2');
    expectPoints(points, [{ time: 1n }, { fields: { v: 2n }, tags: { host: 'a' }, name: 'cpu' }]);
    expectPoints(points, points);
    expectPoints([], '');
  });

  test('compares a time only where one is given', () => {
    expectPoints([cpu(1n, 1)], 'cpu,host=a v=1');
    expect(() => {
      expectPoints([cpu(1n, 1)], 'cpu,host=a v=1 2');
    }).toThrow(ExpectationError);
  });

  test.each([
    ['another value', 'cpu,host=a v=2 1'],
    ['another type', 'cpu,host=a v=1i 1'],
    ['another field', 'cpu,host=a w=1 1'],
    ['a field more', 'cpu,host=a v=1,w=1 1'],
    ['another tag', 'cpu,host=b v=1 1'],
    ['a tag less', 'cpu v=1 1'],
    ['another name', 'mem,host=a v=1 1'],
    ['another time', 'cpu,host=a v=1 2'],
    ['a point more', 'cpu,host=a v=1 1\ncpu,host=a v=1 1'],
    ['no point', ''],
  ])('notices %s', (_what, expected) => {
    expect(() => {
      expectPoints([cpu(1n, 1)], expected);
    }).toThrow(ExpectationError);
  });

  test('takes NaN for NaN, and doubles within the tolerance for equal', () => {
    expectPoints([cpu(1n, NaN)], [{ fields: { v: NaN } }]);
    expectPoints([cpu(1n, 0.1 + 0.2)], 'cpu,host=a v=0.3 1', { tolerance: 1e-12 });
    expect(() => {
      expectPoints([cpu(1n, 0.1 + 0.2)], 'cpu,host=a v=0.3 1');
    }).toThrow(ExpectationError);
  });

  test('shows what is missing and what is extra, with what fits around it', () => {
    const points = [1n, 2n, 3n, 4n, 6n, 7n].map((time) => cpu(time, 1));
    const expected = [1, 2, 3, 4, 5, 7].map((time) => `cpu,host=a v=1 ${time}`).join('\n');
    const failure = failureOf(() => {
      expectPoints(points, expected);
    });
    expect(failure.message).toBe(`expected 6 points, got 6 with other content

  … 1 more that fit
  cpu,host=a v=1 2
  cpu,host=a v=1 3
  cpu,host=a v=1 4
- cpu,host=a v=1 5
+ cpu,host=a v=1 6
  cpu,host=a v=1 7
`);
    expect(failure.expected).toBe(expected);
    expect(failure.actual).toBe(expected.replace('v=1 5', 'v=1 6'));
  });

  test('says at which input point an extra one was emitted', async () => {
    const run = await runUdf(mirror);
    const { points } = await run.send('cpu v=1 1\ncpu v=2 2');
    await run.stop();
    const failure = failureOf(() => {
      expectPoints(points, 'cpu v=1 1');
    });
    expect(failure.message).toBe(`expected 1 point, got 2

  cpu v=1 1
+ cpu v=2 2    (at input point 2: cpu v=2 2)
`);
  });

  test('shows what line protocol cannot hold all the same', () => {
    const failure = failureOf(() => {
      expectPoints([cpu(1n, NaN)], [{ name: 'mem', fields: {} }, { time: 3n }]);
    });
    expect(failure.message).toContain('+ "cpu" {host="a"} {v=NaN} 1');
    expect(failure.message).toContain('- "mem" {} {}');
    expect(failure.message).toContain('- … … 3');
  });

  test('is readable and quick for very different long lists', () => {
    const points = Array.from({ length: 20_000 }, (_, index) => cpu(BigInt(index), 1));
    const failure = failureOf(() => {
      expectPoints(
        points,
        Array.from({ length: 20_000 }, () => ({ name: 'mem' })),
      );
    });
    expect(failure.message.split('\n').length).toBeLessThan(70);
    expect(failure.message).toMatch(/… 39940 more lines\n$/);
  });
});

describe('expectBatches', () => {
  const batch = createBatch({
    name: 'cpu',
    time: 10n,
    tags: { host: 'a' },
    points: [
      { time: 1n, tags: { host: 'a' }, fields: { v: 1 } },
      { time: 2n, tags: { host: 'a' }, fields: { v: 2 } },
    ],
  });

  test('accepts the batches that are expected, each as far as it is given', () => {
    expectBatches([batch], [{ name: 'cpu', time: 10n, tags: { host: 'a' } }]);
    expectBatches([batch], [{ points: 'any,host=a v=1 1\nany,host=a v=2 2' }]);
    expectBatches([batch], [{ points: [{ fields: { v: 1 } }, { time: 2n }] }]);
    expectBatches([batch], [batch]);
  });

  test.each([
    ['another name', { name: 'mem' }],
    ['another time', { time: 11n }],
    ['other tags', { tags: { host: 'b' } }],
    ['a point less', { points: [{ time: 1n }] }],
    ['another point', { points: [{ time: 1n }, { time: 3n }] }],
  ])('notices %s', (_what, expected) => {
    expect(() => {
      expectBatches([batch], [expected]);
    }).toThrow(ExpectationError);
  });

  test('shows batches with their points', () => {
    const failure = failureOf(() => {
      expectBatches(
        [batch],
        [{ name: 'cpu', tags: { host: 'a' }, time: 10n, points: '_,host=a v=1 1\n_,host=a v=3 2' }],
      );
    });
    expect(failure.message).toBe(`expected 1 batch, got 1 with other content

  batch cpu,host=a 10
    cpu,host=a v=1 1
-   cpu,host=a v=3 2
+   cpu,host=a v=2 2
`);
  });
});
