import { describe, expect, it } from 'vitest';
import { defineUdf } from '../../src/udf/definition.js';
import { option, type OptionSpec } from '../../src/udf/option.js';

const doc = 'What it is for.';

/** The kinds of option as an author who writes JavaScript may call them. */
type Loose = Record<keyof typeof option, (given?: object) => unknown>;

/** Defines a UDF that has one option, called `mine`. */
function definedWith(create: () => OptionSpec): void {
  defineUdf({
    name: 'udf',
    wants: 'stream',
    provides: 'stream',
    options: { mine: create() },
    point: () => undefined,
  });
}

describe('an option', () => {
  it('of each kind says what a TICKscript must give', () => {
    const kinds: OptionSpec[] = [
      option.string({ doc }),
      option.int({ doc }),
      option.double({ doc }),
      option.bool({ doc }),
      option.duration({ doc }),
    ];
    expect(kinds.map(({ args }) => args)).toEqual(
      ['string', 'int', 'double', 'bool', 'duration'].map((type) => [{ type }]),
    );
    for (const spec of kinds) {
      expect(spec).toMatchObject({
        shape: 'single',
        required: false,
        repeatable: false,
        default: undefined,
        doc,
      });
    }
  });

  it('that is the name of a field or a tag is text, and refuses an empty default', () => {
    expect(option.field({ doc }).args).toEqual([{ type: 'string', names: 'field' }]);
    expect(option.tag({ doc }).args).toEqual([{ type: 'string', names: 'tag' }]);
    expect(() => {
      definedWith(() => option.field({ doc, default: '' }));
    }).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: 'UDF "udf": option "mine": its default must be the name of a field, got an empty one',
      }),
    );
  });

  it.each<[string, (option: Loose) => unknown, string]>([
    [
      'nothing at all',
      (loose) => loose.string(),
      "option.string({ doc: 'What it is for.' }) takes an object, got undefined",
    ],
    ['a mistyped key', (loose) => loose.string({ doc, defualt: 'a' }), 'did you mean "default"?'],
    ['a key of another kind', (loose) => loose.bool({ doc, min: 1 }), 'option.bool: unknown key "min"'],
    [
      'a key that flags lack',
      (loose) => loose.flag({ doc, required: true }),
      'option.flag: unknown key "required"',
    ],
    [
      'a bound that is text',
      (loose) => loose.int({ doc, min: '1' }),
      'option.int: "min" must be a number, got "1"',
    ],
    [
      'a bound that is NaN',
      (loose) => loose.double({ doc, max: NaN }),
      'option.double: "max" must be a number, got NaN',
    ],
    [
      'a bound of a duration that is a number',
      (loose) => loose.duration({ doc, min: 10 }),
      `option.duration: "min" must be a duration as text ('10s'), got 10`,
    ],
    [
      'choices that are no array',
      (loose) => loose.string({ doc, oneOf: 'a' }),
      'option.string: "oneOf" must be an array of strings, got "a"',
    ],
    ['a tuple of no array', (loose) => loose.tuple({ doc }), 'takes an array'],
  ])('refuses %s, which JavaScript lets pass', (_, define, message) => {
    expect(() => define(option as unknown as Loose)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(message) as string,
      }),
    );
  });

  it('that is a flag takes no argument and is false unless it is called', () => {
    expect(option.flag({ doc })).toMatchObject({ shape: 'flag', args: [], default: false });
  });

  it('that is a tuple takes the arguments of its parts, bounds included', () => {
    const range = option.tuple([option.double({ doc, min: 0 }), option.string({ doc, oneOf: ['a'] })], {
      doc,
    });
    expect(range).toMatchObject({
      shape: 'tuple',
      args: [
        { type: 'double', min: 0 },
        { type: 'string', oneOf: ['a'] },
      ],
    });
  });

  it('that is repeatable is an empty list unless it is called', () => {
    expect(option.string({ doc, repeatable: true })).toMatchObject({ repeatable: true, default: [] });
  });

  it('that is a duration is bounded and defaulted as a TICKscript writes it, and read in nanoseconds', () => {
    const spec = option.duration({ doc, min: '1s', max: '1m', default: '30s' });
    expect(spec).toMatchObject({
      args: [{ min: 1_000_000_000n, max: 60_000_000_000n }],
      default: 30_000_000_000n,
    });
  });

  it.each([
    [
      'an int default below its min',
      () => option.int({ doc, min: 1, default: 0 }),
      'default must be at least 1, got 0',
    ],
    [
      'an int default that is no whole number',
      () => option.int({ doc, default: 1.5 }),
      'default must be a whole number',
    ],
    [
      'a double default above its max',
      () => option.double({ doc, max: 1, default: 2 }),
      'default must be at most 1, got 2',
    ],
    [
      'a double default that is no number',
      () => option.double({ doc, default: NaN }),
      'default must be a number, got NaN',
    ],
    [
      'a default that is not to be chosen',
      () => option.string({ doc, oneOf: ['a', 'b'], default: 'c' }),
      "must be 'a' or 'b'",
    ],
    [
      'a duration default out of range',
      () => option.duration({ doc, min: '1s', default: '1ms' }),
      'its default must be at least 1s, got 1ms',
    ],
    [
      'a duration default that is none',
      () => option.duration({ doc, default: '1 s' }),
      '"1 s" is not a duration',
    ],
    [
      'a duration bound that is none',
      () => option.duration({ doc, max: 'soon' }),
      '"soon" is not a duration',
    ],
    ['a min above the max', () => option.int({ doc, min: 2, max: 1 }), 'min is above its max'],
    [
      'a duration min above the max',
      () => option.duration({ doc, min: '1m', max: '2s' }),
      'min is above its max',
    ],
    ['nothing to choose from', () => option.string({ doc, oneOf: [] }), 'nothing to choose from'],
    [
      'a default although it is required',
      () => option.bool({ doc, required: true, default: true }),
      'a required option has no',
    ],
    [
      'a default although it is repeatable',
      () => option.bool({ doc, repeatable: true, default: true }),
      'has no default',
    ],
    [
      'a flag in a tuple',
      () => option.tuple([option.flag({ doc })], { doc }),
      'a tuple is made of plain options',
    ],
    [
      'a repeatable option in a tuple',
      () => option.tuple([option.int({ doc, repeatable: true })], { doc }),
      'a tuple is made of plain options',
    ],
    [
      'a tuple in a tuple',
      () => option.tuple([option.tuple([option.int({ doc })], { doc })], { doc }),
      'a tuple is made of plain options',
    ],
    [
      'a wrong option in a tuple',
      () => option.tuple([option.int({ doc, min: 1, default: 0 })], { doc }),
      'default must be at least 1, got 0',
    ],
  ])('is refused by its name when a UDF is defined that has %s', (_, create, message) => {
    const define = () => {
      definedWith(create);
    };
    expect(define).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    expect(define).toThrow('UDF "udf": option "mine": ');
    expect(define).toThrow(message);
  });
});
