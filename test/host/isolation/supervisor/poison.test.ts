import { describe, expect, test } from 'vitest';
import { Journal, type Span } from '../../../../src/host/isolation/supervisor/journal.js';
import type { UdfInfo } from '../../../../src/host/isolation/worker/messages.js';
import {
  batchStart,
  countPoints,
  describeInput,
  wholeBatch,
} from '../../../../src/host/isolation/supervisor/poison.js';
import { encodeRequest, type Request } from '../../../../src/wire/messages.js';
import { batchRequests, pointRequest } from '../../../support/udf-messages.js';

/** A journal of requests, and the place of each. */
function journalOf(requests: readonly Request[]): { readonly journal: Journal; readonly spans: Span[] } {
  const journal = new Journal();
  const spans = requests.map((request) => {
    const start = journal.end;
    const frame = encodeRequest(request);
    journal.append(frame, 0, frame.length);
    return { start, end: journal.end };
  });
  return { journal, spans };
}

const point = (time: bigint): Request => pointRequest({ time, name: 'cpu', group: 'g', fields: { v: 1 } });
const batch = batchRequests({
  name: 'cpu',
  group: 'g',
  time: 2n,
  points: [1n, 2n].map((time) => ({ time, fields: { v: 1 } })),
});

const udf: UdfInfo = {
  name: 'test',
  wants: 'batch',
  provides: 'batch',
  options: {},
  onError: 'drop',
  isStateful: true,
  hasTimers: false,
  timersOnlyWith: undefined,
  collectsBatches: true,
  module: undefined,
};

describe('what is left out with a frame', () => {
  const { journal, spans } = journalOf([...batch, ...batch]);
  const second = { start: spans[4]!.start, end: spans[7]!.end };

  test.each([4, 5, 6, 7])('is its batch, where that is handled as a whole (frame %d)', (frame) => {
    expect(wholeBatch(journal, spans[frame]!, udf)).toEqual(second);
  });

  test.each([
    [4, second],
    [5, undefined],
    [7, second],
  ])('is a point alone, where points are handled one by one (frame %d)', (frame, left) => {
    expect(wholeBatch(journal, spans[frame]!, { ...udf, collectsBatches: false })).toEqual(left);
  });

  test('is a point of a stream alone', () => {
    const stream = journalOf([point(1n)]);
    expect(wholeBatch(stream.journal, stream.spans[0]!, { ...udf, wants: 'stream' })).toBeUndefined();
  });

  test('cannot be told of a batch whose end has not come', () => {
    const open = journalOf(batch.slice(0, 2));
    expect(wholeBatch(open.journal, open.spans[1]!, udf)).toEqual({ start: 0, end: NaN });
  });

  test('counts by points', () => {
    expect(countPoints(journal, second)).toBe(2);
    expect(countPoints(journal, spans[4]!)).toBe(0);
    expect(countPoints(journal, { start: 0, end: journal.end })).toBe(4);
  });
});

describe('where a batch began', () => {
  const { journal, spans } = journalOf([...batch, ...batch]);

  test.each([0, 1, 2, 3, 4, 5, 6, 7])('for the position of frame %d', (frame) => {
    const start = frame === 0 || frame === 4 ? spans[frame]! : spans[frame < 4 ? 0 : 4]!;
    expect(batchStart(journal, spans[frame]!.start)).toBe(start.start);
  });

  test('is the position itself between batches, and at the end of the input', () => {
    expect(batchStart(journal, journal.end)).toBe(journal.end);
  });

  test('is found from where the journal was released', () => {
    const released = journalOf([...batch, ...batch]);
    released.journal.release(released.spans[4]!.start);
    expect(batchStart(released.journal, released.spans[6]!.start)).toBe(released.spans[4]!.start);
  });
});

test('input is described by its group and time', () => {
  const { journal, spans } = journalOf([point(7n), ...batch]);
  expect(spans.slice(0, 2).map((span) => describeInput(journal, span))).toEqual([
    'the point of group "g" at 7',
    'a batch of group "g"',
  ]);
  expect(describeInput(journal, spans.at(-1)!)).toBe('input');
});
