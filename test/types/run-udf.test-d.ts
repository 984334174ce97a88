import { defineUdf, option } from 'kapacitor-udf';
import { runUdf } from 'kapacitor-udf/testkit';
import { expectTypeOf, test } from 'vitest';

const definition = defineUdf({
  name: 'typed',
  wants: 'stream',
  provides: 'stream',
  options: {
    field: option.string({ required: true, doc: '' }),
    mode: option.string({ oneOf: ['fast', 'slow'], default: 'fast', doc: '' }),
    size: option.int({ doc: '' }),
    span: option.duration({ doc: '' }),
    tags: option.string({ repeatable: true, doc: '' }),
    range: option.tuple([option.double({ doc: '' }), option.string({ doc: '' })], { doc: '' }),
    loud: option.flag({ doc: '' }),
  },
  point: () => undefined,
});
const none = defineUdf({ name: 'none', wants: 'stream', provides: 'stream', point: () => undefined });

test('a run takes the options of its definition, and those of the runtime', () => {
  void runUdf(definition, {
    options: {
      field: 'a',
      mode: 'slow',
      size: 3,
      span: '30s',
      tags: ['a', 'b'],
      range: [1, 'x'],
      loud: true,
    },
  });
  void runUdf(definition, {
    options: { field: 'a', size: 3n, span: 30n, tags: 'a', onError: 'drop', groupTtl: '1h' },
  });
  void runUdf(none, { options: { maxGroups: 3 } });
  void runUdf(none, { options: ".anything('goes')" });
});

test('wrong names and values of options do not compile', () => {
  // @ts-expect-error -- no such option
  void runUdf(definition, { options: { fiel: 'a' } });
  // @ts-expect-error -- no such option, in a UDF that has none
  void runUdf(none, { options: { field: 'a' } });
  // @ts-expect-error -- a string is wanted
  void runUdf(definition, { options: { field: 1 } });
  // @ts-expect-error -- not one of the choices
  void runUdf(definition, { options: { mode: 'medium' } });
  // @ts-expect-error -- a number is wanted
  void runUdf(definition, { options: { size: '3' } });
  // @ts-expect-error -- a duration is text or nanoseconds as a bigint
  void runUdf(definition, { options: { span: 30 } });
  // @ts-expect-error -- two arguments, of these types
  void runUdf(definition, { options: { range: ['x', 1] } });
  // @ts-expect-error -- not an error policy
  void runUdf(definition, { options: { onError: 'ignore' } });
});

test('what comes out are points and batches', async () => {
  const run = await runUdf(none);
  const { points, batches } = await run.stop();
  expectTypeOf(points[0]!.time).toEqualTypeOf<bigint>();
  expectTypeOf(batches[0]!.name).toEqualTypeOf<string>();
});
