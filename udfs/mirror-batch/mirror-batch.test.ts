import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRequest } from '../../src/wire/messages.js';
import { bytesThrough } from '../../test/support/bytes-through.js';
import { fieldsArbitrary } from '../../test/support/udf-arbitraries.js';
import { batchRequests, type TestBatch } from '../../test/support/udf-messages.js';
import mirrorBatch from './mirror-batch.js';

const time = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const tags = fc.dictionary(fc.string(), fc.string());
const batch: fc.Arbitrary<TestBatch> = fc.record({
  name: fc.string(),
  time,
  group: fc.string(),
  tags,
  points: fc.array(fc.record({ time, tags, fields: fieldsArbitrary }), { maxLength: 8 }),
});

describe('mirrorBatch', () => {
  it('sends on every batch byte for byte, in order, an empty one too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 5 }), async (batches) => {
        const requests = batches.flatMap(batchRequests);
        const sent = await bytesThrough(mirrorBatch, [], requests);
        expect(sent).toEqual(Buffer.concat(requests.map(encodeRequest)));
      }),
      { numRuns: 50 },
    );
  });
});
