import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRequest } from '../../src/wire/messages.js';
import { startUdf } from '../../test/support/run-udf.js';
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
        const run = await startUdf(mirrorBatch);
        const requests = batches.flatMap(batchRequests);
        run.send(...requests);
        await run.stop();
        expect(run.frames.slice(1)).toEqual(requests.map(encodeRequest));
      }),
      { numRuns: 50 },
    );
  });
});
