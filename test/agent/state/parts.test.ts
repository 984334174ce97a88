import { type Batch, defineUdf, type Point } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { packPart, PartReader } from '../../../src/agent/state/parts.js';
import { expectPoints } from '../../../src/expect/expect.js';
import { runUdf } from '../../../src/testkit/run.js';

describe('a snapshot', () => {
  test('keeps points, wherever they stand in a state, and one that stands in two places as one', async () => {
    interface Kept {
      all: Point[];
      byHost: Map<string, { last: Point }>;
      seen: Set<Point>;
    }
    const keeper = defineUdf({
      name: 'keeper',
      wants: 'stream',
      provides: 'stream',
      state: (): Kept => ({ all: [], byHost: new Map(), seen: new Set() }),
      point(given, { state, emit }) {
        const point = given.detach();
        state.all.push(point);
        state.byHost.set(point.tag('host')!, { last: point });
        state.seen.add(point);
        const [first] = state.all;
        const { last } = state.byHost.get(first!.tag('host')!)!;
        emit(first!.withField('same', first === last && state.seen.has(first)));
      },
    });
    const run = await runUdf(keeper);
    await run.send('cpu,host=a text="one",whole=1i,half=0.5,yes=true 1');
    const again = await run.restart();
    await again.send('cpu,host=b text="two" 2');
    const { points } = await (await again.restart()).send('cpu,host=b text="three" 3');
    expectPoints(points, 'cpu,host=a text="one",whole=1i,half=0.5,yes=true,same=true 1');
  });

  test('of a state with a batch in it ends the task: a batch has no form that it could be kept in', async () => {
    const keeper = defineUdf({
      name: 'keeper',
      wants: 'batch',
      provides: 'batch',
      state: (): { last: Batch | null } => ({ last: null }),
      batch(batch, { state }) {
        state.last = batch;
      },
    });
    const run = await runUdf(keeper);
    await run.send('cpu v=1');
    await expect(run.snapshot()).rejects.toThrow(
      'keeper: task test: the state cannot be stored: it holds a batch; keep its points',
    );
  });

  test('does not stay in memory for the views of bytes that are read from it', () => {
    // Only one that lies where a double may is read as a view.
    const arrays = Array.from(
      { length: 16 },
      (_, before) => ['x'.repeat(before), new Float64Array(4)] as const,
    );
    const parts = [arrays, 'x'.repeat(1_000_000)].map((value) => Buffer.concat(packPart(value)));
    const read = new PartReader(Buffer.concat(parts), 0).next() as typeof arrays;
    const held = read.map(([, { buffer }]) => buffer.byteLength);
    expect(Math.max(...held)).toBeLessThan(100_000); // its own part, or Node.js's pool for small buffers
  });
});
