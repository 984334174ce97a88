import { describe, expect, it } from 'vitest';
import { defineUdf, isUdfDefinition } from '../../src/udf/definition.js';
import { option } from '../../src/udf/option.js';

const point = (): void => undefined;
const batch = (): void => undefined;
const endBatch = (): void => undefined;
const stream = { name: 'udf', wants: 'stream', provides: 'stream', point } as const;

/** A definition that TypeScript would not let through. */
const define = (definition: object): unknown => defineUdf(definition as typeof stream);

describe('a definition', () => {
  it('says what it was given, and has defaults for the rest', () => {
    expect(defineUdf(stream)).toMatchObject({
      name: 'udf',
      doc: '',
      wants: 'stream',
      provides: 'stream',
      version: 1,
      onError: 'stop',
    });
    const migrate = (): undefined => undefined;
    expect(defineUdf({ ...stream, doc: 'It does.', version: 2, migrate, onError: 'drop' })).toMatchObject({
      doc: 'It does.',
      version: 2,
      onError: 'drop',
    });
  });

  it('has its own options, then those that the runtime offers on every UDF', () => {
    const { options } = defineUdf({ ...stream, options: { size: option.int({ doc: 'x' }) } });
    expect(Object.keys(options)).toEqual(['size', 'onError', 'groupTtl', 'maxGroups']);
  });

  it.each([
    ['stream', 'stream', { point }],
    ['stream', 'batch', { point }],
    ['batch', 'batch', { batch }],
    ['batch', 'stream', { batch }],
    ['batch', 'batch', { point, beginBatch: point, endBatch }],
    ['batch', 'stream', { point, endBatch }],
    ['batch', 'batch', { point }],
  ])('may want a %s and provide a %s with %o', (wants, provides, handlers) => {
    expect(isUdfDefinition(define({ name: 'udf', wants, provides, ...handlers }))).toBe(true);
  });

  it.each([
    [
      'a name that starts with a digit',
      { name: '1st' },
      'the name must be a letter, then letters, digits and _',
    ],
    ['a name with a dash', { name: 'edge-detect' }, 'the name must be a letter'],
    ['no name', { name: undefined }, 'the name must be a letter'],
    ['an empty name', { name: '' }, 'the name must be a letter'],
    [
      'an edge that is none',
      { provides: 'points' },
      `"wants" and "provides" are 'stream' or 'batch', got "points"`,
    ],
    [
      'an option that a TICKscript cannot write',
      { options: { 'my-size': option.flag({ doc: 'x' }) } },
      'option "my-size" must be a letter',
    ],
    [
      'an option of the runtime',
      { options: { onError: option.flag({ doc: 'x' }) } },
      'option "onError" is one the runtime offers',
    ],
    [
      'an option made by hand',
      { options: { size: { type: 'int' } } },
      'option "size" is made by option.string()',
    ],
    ['no handler', { point: undefined }, 'a UDF that wants a stream has one handler: point'],
    ['a handler of batches on a stream', { batch }, 'a UDF that wants a stream has one handler: point'],
    ['the end of a batch on a stream', { endBatch }, 'a UDF that wants a stream has one handler: point'],
    [
      'no handler of batches',
      { wants: 'batch', point: undefined },
      'a UDF that wants batches has either batch',
    ],
    ['both handlers of batches', { wants: 'batch', batch }, 'a UDF that wants batches has either batch'],
    [
      'an end of streamed batches beside whole ones',
      { wants: 'batch', point: undefined, batch, endBatch },
      'has either batch',
    ],
    ['a policy that is none', { onError: 'ignore' }, `"onError" is 'stop', 'drop', 'pass', got "ignore"`],
    [
      'a policy that cannot be kept',
      { provides: 'batch', onError: 'pass' },
      `onError: 'pass' needs a UDF that provides what it wants`,
    ],
    ['a version that is no whole number', { version: 1.5 }, '"version" is a whole number from 1'],
    ['a version below 1', { version: 0 }, '"version" is a whole number from 1'],
    [
      'a version that nothing can be brought up to',
      { version: 2 },
      'version 2 needs "migrate" for snapshots of older ones',
    ],
  ])('is refused with %s', (_, wrong, message) => {
    const call = () => define({ ...stream, ...wrong });
    expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    expect(call).toThrow(message);
  });

  it('is refused with all that is wrong in one message', () => {
    expect(() => define({ name: 'a b', wants: 'stream', provides: 'stream', version: 0 })).toThrow(
      'UDF "a b": the name must be a letter, then letters, digits and _; ' +
        'a UDF that wants a stream has one handler: point; "version" is a whole number from 1',
    );
  });

  it('is known as one, and nothing else is', () => {
    expect(isUdfDefinition(defineUdf(stream))).toBe(true);
    for (const other of [stream, null, undefined, 'udf', () => 1, {}])
      expect(isUdfDefinition(other)).toBe(false);
  });

  it('has functions that do nothing where none are given', () => {
    const { handlers } = defineUdf(stream);
    expect(handlers.check({})).toEqual([]);
    expect(handlers.prepare({}, { task: 't', node: 'n' })).toBeUndefined();
    expect([handlers.state, handlers.migrate, handlers.batch]).toEqual([undefined, undefined, undefined]);
  });
});
