import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeResponse } from '../../src/wire/messages.js';
import { snapshotFrameStart } from '../../src/wire/framing.js';

test('the start of a frame and the snapshot behind it are what protobufjs encodes', () => {
  const size = fc.oneof(
    fc.nat(20_000),
    fc.constantFrom(1, 119, 120, 121, 127, 128, 16_370, 16_384, 2_097_152),
  );
  fc.assert(
    fc.property(size, (bytes) => {
      fc.pre(bytes > 0); // an empty one has no field at all, and is never sent
      const snapshot = Buffer.alloc(bytes, 7);
      const frame = Buffer.concat([snapshotFrameStart(bytes), snapshot]);
      expect(frame.equals(encodeResponse({ kind: 'snapshot', snapshot }))).toBe(true);
    }),
  );
});
