import fc from 'fast-check';
import type { Fields, FieldValue } from '../../src/model/values.js';

/** Any value that a field can have, the odd ones included. */
export const valueArbitrary: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: 'binary' }),
  fc.boolean(),
);

export const fieldsArbitrary: fc.Arbitrary<Fields> = fc.dictionary(
  fc.string({ minLength: 1 }),
  valueArbitrary,
  { maxKeys: 5 },
);
