import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatOptions, parseOptionChain } from '../../src/peer/tickscript-options.js';
import { parseSettings } from '../../src/peer/options.js';

const types = {
  field: ['string'],
  size: ['int'],
  scale: ['double'],
  period: ['duration'],
  keep: ['bool'],
  verbose: [],
  range: ['double', 'double'],
} as const;

describe('options as --set gives them', () => {
  test('are read by their types', () => {
    const sets = ['field=10', 'size=10', 'scale=2', 'period=90s', 'keep=true', 'verbose', 'range=0,1.5'];
    expect(formatOptions(parseSettings(sets, types))).toBe(
      ".field('10').size(10).scale(2.0).period(90s).keep(TRUE).verbose().range(0.0, 1.5)",
    );
  });

  test('are refused by name where the UDF has no such option, or the value is of another type', () => {
    const refused = (set: string) => () => parseSettings([set], types);
    expect(refused('feild=v')).toThrow('the UDF has no option feild (did you mean field?)');
    expect(refused('size=1.5')).toThrow('--set size=1.5: "1.5" is no int, such as 10');
    expect(refused('verbose=1')).toThrow('--set verbose=1: the option takes no value');
    expect(refused('range=1')).toThrow('--set range=1: the option takes 2 values, such as 1.5,1.5');
  });
});

test('calls of options are written as a TICKscript reads them', () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const argument = fc.oneof(
    fc.record({ type: fc.constant('bool' as const), value: fc.boolean() }),
    fc.record({ type: fc.constant('int' as const), value: int64 }),
    fc.record({ type: fc.constant('string' as const), value: fc.stringMatching(/^[^\\]*$/) }),
    fc.record({ type: fc.constant('duration' as const), value: int64 }),
    fc.record({
      type: fc.constant('double' as const),
      value: fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => Number(value.toFixed(3)) + 0),
    }),
  );
  const call = fc.record({ name: fc.stringMatching(/^[a-z]\w*$/), args: fc.array(argument) });
  fc.assert(
    fc.property(fc.array(call), (calls) => {
      expect(parseOptionChain(formatOptions(calls))).toEqual(calls);
    }),
  );
});
