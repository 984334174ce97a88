import { defineUdf, option, type OptionSpec, type OptionSpecs, type OptionValues } from 'kapacitor-udf';
import { describe, expectTypeOf, it } from 'vitest';

const doc = 'What it is for.';

/** What a handler reads of some options, and of one. */
declare function values<Specs extends OptionSpecs>(options: Specs): OptionValues<Specs>;
declare function read<Value>(option: OptionSpec<Value>): Value;

describe('what a handler reads of an option', () => {
  it('is the type of its kind, or undefined when a TICKscript need not give it', () => {
    const kinds = {
      string: option.string({ doc }),
      field: option.field({ doc }),
      tag: option.tag({ doc }),
      int: option.int({ doc, min: 1 }),
      double: option.double({ doc, max: 1.5 }),
      bool: option.bool({ doc }),
      duration: option.duration({ doc, min: '1s' }),
    };
    expectTypeOf(values(kinds)).toEqualTypeOf<{
      readonly string: string | undefined;
      readonly field: string | undefined;
      readonly tag: string | undefined;
      readonly int: number | undefined;
      readonly double: number | undefined;
      readonly bool: boolean | undefined;
      readonly duration: bigint | undefined;
    }>();
  });

  it('is never undefined when it is required or has a default', () => {
    expectTypeOf(read(option.string({ doc, required: true }))).toEqualTypeOf<string>();
    expectTypeOf(read(option.field({ doc, required: true }))).toEqualTypeOf<string>();
    expectTypeOf(read(option.field({ doc, default: 'avg' }))).toEqualTypeOf<string>();
    expectTypeOf(read(option.field({ doc, repeatable: true }))).toEqualTypeOf<readonly string[]>();
    expectTypeOf(read(option.int({ doc, default: 10 }))).toEqualTypeOf<number>();
    expectTypeOf(read(option.duration({ doc, default: '1s' }))).toEqualTypeOf<bigint>();
    expectTypeOf(read(option.bool({ doc, default: false }))).toEqualTypeOf<boolean>();
    expectTypeOf(read(option.double({ doc, required: true }))).toEqualTypeOf<number>();
  });

  it('may still be undefined when required is false, or not known', () => {
    const given: { doc: string; required: boolean } = { doc, required: true };
    expectTypeOf(read(option.int({ doc, required: false }))).toEqualTypeOf<number | undefined>();
    expectTypeOf(read(option.int(given))).toEqualTypeOf<number | undefined>();
  });

  it('is one of the texts to choose from', () => {
    expectTypeOf(read(option.string({ doc, oneOf: ['skip', 'error'] }))).toEqualTypeOf<
      'skip' | 'error' | undefined
    >();
    expectTypeOf(read(option.string({ doc, oneOf: ['skip', 'error'], default: 'skip' }))).toEqualTypeOf<
      'skip' | 'error'
    >();
  });

  it('is a list that cannot be changed when it is repeatable, required or not', () => {
    expectTypeOf(read(option.string({ doc, repeatable: true }))).toEqualTypeOf<readonly string[]>();
    expectTypeOf(read(option.duration({ doc, repeatable: true, required: true }))).toEqualTypeOf<
      readonly bigint[]
    >();
    expectTypeOf(read(option.string({ doc, repeatable: true, oneOf: ['a', 'b'] }))).toEqualTypeOf<
      readonly ('a' | 'b')[]
    >();
  });

  it('is a boolean for a flag', () => {
    expectTypeOf(read(option.flag({ doc }))).toEqualTypeOf<boolean>();
  });

  it('is as many values as a tuple has parts, each of its own type', () => {
    const parts = [option.double({ doc }), option.string({ doc, oneOf: ['a', 'b'] })] as const;
    expectTypeOf(read(option.tuple(parts, { doc }))).toEqualTypeOf<
      readonly [number, 'a' | 'b'] | undefined
    >();
    expectTypeOf(read(option.tuple(parts, { doc, required: true }))).toEqualTypeOf<
      readonly [number, 'a' | 'b']
    >();
    expectTypeOf(read(option.tuple(parts, { doc, repeatable: true }))).toEqualTypeOf<
      readonly (readonly [number, 'a' | 'b'])[]
    >();
  });
});

describe('an option that contradicts its kind', () => {
  it('does not compile', () => {
    // @ts-expect-error -- an option has a doc
    option.string({ required: true });
    // @ts-expect-error -- a field's name is not chosen from a list
    option.field({ doc, oneOf: ['a'] });
    // @ts-expect-error -- a default of another type
    option.int({ doc, default: '10' });
    // @ts-expect-error -- a duration is written as in a TICKscript
    option.duration({ doc, default: 30 });
    // @ts-expect-error -- a flag is never required
    option.flag({ doc, required: true });
    // @ts-expect-error -- text has no bounds
    option.string({ doc, min: 1 });
    // @ts-expect-error -- a mistyped name would be ignored
    option.int({ doc, mim: 1 });
    // @ts-expect-error -- a repeatable tuple has no default
    option.tuple([option.int({ doc })], { doc, default: [1] });
  });

  it('does not compile in a definition when it is not made by `option`', () => {
    const point = (): void => undefined;
    // @ts-expect-error -- made by hand
    defineUdf({ name: 'a', wants: 'stream', provides: 'stream', options: { size: { type: 'int' } }, point });
  });
});
