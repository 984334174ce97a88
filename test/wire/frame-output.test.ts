import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameOutput } from '../../src/wire/frame-output.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import { propertyTimeout, runs } from '../support/runs.js';

describe('the output of frames', { timeout: propertyTimeout }, () => {
  /** Buffers of different sizes, each byte telling whose it is. */
  const buffers = [100, 5000, 70_000].map((size, index) => Buffer.alloc(size, index + 1));
  const slice = fc
    .tuple(fc.nat(2), fc.nat(70_000), fc.oneof(fc.nat(60), fc.nat(6000)))
    .map(([which, at, size]) => {
      const buf = buffers[which]!;
      const start = at % buf.length;
      return { buf, start, end: Math.min(buf.length, start + size) };
    });

  it('is all that was added, in order, and says its size', () => {
    const steps = fc.array(
      fc.oneof({ weight: 6, arbitrary: slice }, { weight: 1, arbitrary: fc.constant('take' as const) }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const output = new FrameOutput();
        const taken: Buffer[] = [];
        const wanted: Buffer[] = [];
        let size = 0;
        for (const step of all) {
          if (step === 'take') {
            taken.push(...output.take());
            size = 0;
          } else {
            output.add(step.buf, step.start, step.end);
            wanted.push(step.buf.subarray(step.start, step.end));
            size += step.end - step.start;
          }
          assert.equal(output.size, size);
        }
        // Taken buffers are compared only now: what is added later must not change them.
        taken.push(...output.take());
        assert(Buffer.concat(taken).equals(Buffer.concat(wanted)));
        assert.equal(output.size, 0);
      }),
      runs(300),
    );
  });

  it('is one buffer, with nothing copied, for large neighbours in one buffer', () => {
    const output = new FrameOutput();
    const buf = Buffer.alloc(10_000);
    for (let at = 0; at < 10_000; at += 100) output.add(buf, at, at + 100);
    const taken = output.take();
    expect(taken).toHaveLength(1);
    expect(taken[0]!.buffer).toBe(buf.buffer);
  });

  it('is one buffer for many small frames that lie scattered', () => {
    const output = new FrameOutput();
    for (let count = 0; count < 500; count++) output.add(Buffer.alloc(50), 0, 50);
    expect(output.take().map(({ length }) => length)).toEqual([25_000]);
  });

  it('holds no reference to what was taken: a read buffer is not kept in memory by it', () => {
    const output = new FrameOutput();
    const buf = Buffer.alloc(10_000);
    output.add(buf, 0, 5000);
    output.take();
    output.add(buf, 5000, 10_000);
    expect(Buffer.concat(output.take())).toHaveLength(5000);
    expect(output.take()).toEqual([]);
    expect(Object.values(output)).not.toContain(buf);
  });

  it('is one buffer for points that are built in turn', () => {
    const head = { time: 1n, name: 'm', database: 'd', retentionPolicy: 'r', group: '' };
    const output = new FrameOutput();
    let size = 0;
    for (let index = 0; index < 300; index++) {
      const point = LazyPoint.create({ ...head, dimensions: [], tags: {}, byName: false }, { index });
      point.writeTo(output);
      size += point.frameLength;
    }
    const taken = output.take();
    // Two where the memory for new points was used up in between.
    expect(taken.length).toBeLessThanOrEqual(2);
    expect(Buffer.concat(taken)).toHaveLength(size);
  });
});
