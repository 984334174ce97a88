import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ackByte, decodeAck, encodeAck } from '../../../../src/host/isolation/worker/acks.js';
import { noStats } from '../../../../src/model/statistics.js';
import { payloads } from '../../../support/frames.js';

const statsArbitrary = fc
  .record({ pointsDropped: fc.nat(), counters: fc.dictionary(fc.string(), fc.nat()) })
  .map((some) => ({ ...noStats, ...some, counters: { ...some.counters } }));

test('an acknowledgement is one frame, which no message of the protocol begins like', () => {
  fc.assert(
    fc.property(
      fc.record({
        handled: fc.maxSafeNat(),
        ahead: fc.record({ frames: fc.nat(), refusals: fc.nat() }),
        wakeAtMs: fc.oneof(fc.double(), fc.constant(NaN)),
        stats: fc.option(statsArbitrary, { nil: undefined }),
      }),
      (ack) => {
        const [payload, ...others] = payloads([encodeAck(ack)]);
        expect(others).toEqual([]);
        expect(payload![0]).toBe(ackByte);
        const decoded = decodeAck(payload!);
        expect({ ...decoded, stats: undefined }).toEqual({ ...ack, stats: undefined });
        expect(decoded.stats && Object.entries(decoded.stats.counters)).toEqual(
          ack.stats && Object.entries(ack.stats.counters),
        );
        expect(decoded.stats?.pointsDropped).toBe(ack.stats?.pointsDropped);
      },
    ),
  );
});
