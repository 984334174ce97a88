import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRequest } from '../../src/wire/messages.js';
import { bytesThrough } from '../../test/support/bytes-through.js';
import { fieldsArbitrary } from '../../test/support/udf-arbitraries.js';
import { pointRequest, type TestPoint } from '../../test/support/udf-messages.js';
import mirror from './mirror.js';

const point: fc.Arbitrary<TestPoint> = fc.record({
  time: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  name: fc.string(),
  group: fc.string(),
  tags: fc.dictionary(fc.string(), fc.string()),
  dimensions: fc.array(fc.string()),
  fields: fieldsArbitrary,
});

describe('mirror', () => {
  it('sends on every point byte for byte, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(point, { maxLength: 20 }), async (points) => {
        const requests = points.map(pointRequest);
        const sent = await bytesThrough(mirror, [], requests);
        expect(sent).toEqual(Buffer.concat(requests.map(encodeRequest)));
      }),
      { numRuns: 50 },
    );
  });
});
