import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Journal, type Span } from '../../../../src/host/isolation/supervisor/journal.js';
import { encodeRequest } from '../../../../src/wire/messages.js';
import { frameOf } from '../../../support/input-frames.js';
import { batchRequests } from '../../../support/udf-messages.js';

/** A frame of this size, whose bytes are of none of its neighbours. */
function frame(size: number, seed: number): Buffer {
  return frameOf(Buffer.alloc(size, `frame ${seed} `));
}

/** Sizes from a few bytes to more than a segment. */
const size = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 400_000 }));

/** Frames that come together, and then the share of what is kept that is released. */
const steps = fc.array(
  fc.record({
    sizes: fc.array(size, { maxLength: 4 }),
    released: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12 },
);

interface Kept {
  readonly journal: Journal;
  /** All that was appended. */
  readonly bytes: Buffer;
  /** The place of each frame that is kept. */
  readonly spans: readonly Span[];
}

/** Calls `check` after each step. */
function run(
  appended: typeof steps extends fc.Arbitrary<infer Steps> ? Steps : never,
  check: (kept: Kept) => void,
): void {
  const journal = new Journal();
  let bytes: Buffer = Buffer.alloc(0);
  let spans: Span[] = [];
  for (const { sizes, released } of appended) {
    const before = Buffer.from('what is before in the buffer');
    const frames = sizes.map((bytesOf, index) => frame(bytesOf, bytes.length + index));
    for (const { length } of frames) {
      const start = spans.at(-1)?.end ?? bytes.length;
      spans.push({ start, end: start + length });
    }
    const together = Buffer.concat([before, ...frames]);
    journal.append(together, before.length, together.length);
    bytes = Buffer.concat([bytes, ...frames]);
    together.fill(0); // it keeps a copy
    check({ journal, bytes, spans });
    const border = spans[Math.floor(released * spans.length)]?.start ?? bytes.length;
    journal.release(border);
    spans = spans.filter(({ start }) => start >= border);
    expect(journal.start).toBe(border);
    check({ journal, bytes, spans });
  }
}

function readAll(journal: Journal, position: number, limit: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = position; at < limit; at += pieces.at(-1)!.length) {
    pieces.push(Buffer.from(journal.read(at, limit)));
    expect(pieces.at(-1)!.length).toBeGreaterThan(0);
  }
  return Buffer.concat(pieces);
}

const runs = { numRuns: 40 };

describe('a journal', () => {
  test('gives back any part of what it keeps', () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (appended, numbers) => {
        run(appended, ({ journal, bytes }) => {
          expect(journal.end).toBe(bytes.length);
          expect(journal.size).toBe(bytes.length - journal.start);
          const [from, to] = [...numbers.take(2)]
            .map((number) => journal.start + (number % (journal.size + 1)))
            .sort((one, other) => one - other) as [number, number];
          const wanted = bytes.subarray(from, to);
          expect(readAll(journal, from, to).equals(wanted)).toBe(true);
        });
      }),
      runs,
    );
  });

  test('visits each frame from a position on, until it is told to stop', () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (appended, numbers) => {
        run(appended, ({ journal, bytes, spans }) => {
          const [first, count] = [...numbers.take(2)] as [number, number];
          const rest = spans.slice(first % (spans.length + 1));
          const wanted = rest.slice(0, Math.max(1, count % (rest.length + 1)));
          const visited: Span[] = [];
          journal.visitFrames(rest[0]?.start ?? journal.end, (span, payload) => {
            visited.push(span);
            expect(payload.equals(bytes.subarray(span.end - payload.length, span.end))).toBe(true);
            return visited.length < wanted.length;
          });
          expect(visited).toEqual(wanted);
        });
      }),
      runs,
    );
  });
});

describe('where a batch began', () => {
  const batch = batchRequests({
    name: 'cpu',
    group: 'g',
    time: 2n,
    points: [1n, 2n].map((time) => ({ time, fields: { v: 1 } })),
  });

  /** A journal of two batches of four frames, and where each frame starts. */
  function twoBatches(): { readonly journal: Journal; readonly starts: readonly number[] } {
    const journal = new Journal();
    const starts = [...batch, ...batch].map((request) => {
      const start = journal.end;
      const frame = encodeRequest(request);
      journal.append(frame, 0, frame.length);
      return start;
    });
    return { journal, starts };
  }

  test('is the start of the batch for each of its frames', () => {
    const { journal, starts } = twoBatches();
    expect(starts.map((start) => journal.batchStart(start))).toEqual(
      starts.map((_, index) => starts[index < 4 ? 0 : 4]),
    );
  });

  test('is the position itself between batches, and at the end of the input', () => {
    const { journal } = twoBatches();
    expect(journal.batchStart(journal.end)).toBe(journal.end);
  });

  test('is found from where the journal was released', () => {
    const { journal, starts } = twoBatches();
    journal.release(starts[4]!);
    expect(journal.batchStart(starts[6]!)).toBe(starts[4]);
  });
});
