import { describe, expect, it } from 'vitest';
import { defineUdf, isUdfDefinition, type UdfDefinition } from '../../src/udf/definition.js';
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
      concurrency: 1,
      ordered: 'group',
      overlap: 'groups',
      callTimeoutMs: undefined,
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
    expect(Object.keys(options)).toEqual([
      ...['size', 'onError', 'groupTtl', 'maxGroups'],
      ...['distinct', 'distinctPoints', 'distinctTime', 'reorder'],
    ]);
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
    ['an edge that is none', { provides: 'points' }, `"provides" must be 'stream' or 'batch', got "points"`],
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
    [
      'no handler',
      { point: undefined },
      'a UDF that wants a stream has one handler, point: (point, context) => …; got none',
    ],
    [
      'a handler of batches on a stream',
      { batch },
      'a UDF that wants a stream has one handler, point: (point, context) => …; got point, batch',
    ],
    [
      'the end of a batch on a stream',
      { endBatch },
      'a UDF that wants a stream has one handler, point: (point, context) => …; got point, endBatch',
    ],
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
    [
      'a policy that is none',
      { onError: 'ignore' },
      `"onError" must be one of 'stop', 'drop', 'pass', got "ignore"`,
    ],
    [
      'a policy that cannot be kept',
      { provides: 'batch', onError: 'pass' },
      `onError: 'pass' needs a UDF that provides what it wants`,
    ],
    ['a concurrency of none', { concurrency: 0 }, '"concurrency" is a whole number from 1 to 1024, got 0'],
    ['a concurrency beyond the limit', { concurrency: 1025 }, 'from 1 to 1024, got 1025'],
    ['a concurrency that is text', { concurrency: '4' }, 'from 1 to 1024, got "4"'],
    [
      'an order that is none',
      { concurrency: 2, ordered: 'none' },
      `"ordered" is 'group' or 'all', got "none"`,
    ],
    [
      'an overlap that is none',
      { concurrency: 2, ordered: 'all', overlap: 'most' },
      `"overlap" is 'groups' or 'all', got "most"`,
    ],
    [
      'calls of a group that overlap, and whose output is in no order',
      { concurrency: 2, overlap: 'all' },
      `"overlap": 'all' needs "ordered": 'all' and no "state", which shows the order of a group's points`,
    ],
    [
      'calls of a group that overlap on its state',
      { concurrency: 2, ordered: 'all', overlap: 'all', state: () => ({}) },
      `"overlap": 'all' needs "ordered": 'all' and no "state", which shows the order of a group's points`,
    ],
    [
      'an order of calls that do not overlap',
      { ordered: 'all' },
      '"ordered" needs a "concurrency" above 1: otherwise all output is in order',
    ],
    [
      'a time limit of none',
      { callTimeoutMs: 0 },
      '"callTimeoutMs" is a whole number of milliseconds from 1 to 2147483647, got 0',
    ],
    [
      'timers between calls that overlap',
      { concurrency: 2, timer: point },
      '"timer" needs a "concurrency" of 1: it fires between two calls of the whole UDF',
    ],
    [
      'batches point by point that overlap',
      { wants: 'batch', concurrency: 2 },
      '"concurrency" needs "batch": batches that are handled point by point come one after the other',
    ],
    ['a time limit of such points', { wants: 'batch', callTimeoutMs: 5 }, '"callTimeoutMs" needs "batch"'],
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
      'UDF "a b": the name must be a letter, then letters, digits and _, such as aB; ' +
        'a UDF that wants a stream has one handler, point: (point, context) => …; got none; "version" is a whole number from 1',
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

describe('a mistake in a definition gets a sentence that names its place:', () => {
  const asyncHint = 'must not be async or return a promise: its result is used at once';
  it.each([
    [
      'a state that is no function',
      { state: { n: 0 } },
      '"state" must be a function (state: () => ({ … })), got an object',
    ],
    [
      'a handler that is no function',
      { point: 'point' },
      '"point" must be a function (point: (point, context) => …), got a string',
    ],
    [
      'a stop that is no function',
      { stop: 1 },
      '"stop" must be a function (stop: (context) => …), got a number',
    ],
    ['a misspelt key', { optoins: {} }, 'unknown key "optoins" (did you mean "options"?)'],
    ['a key that is like none', { retention: 1 }, 'unknown key "retention" (it has name, doc, wants, '],
    ['an async check', { check: async () => Promise.resolve([]) }, `"check" ${asyncHint}`],
    [
      'an async prepare',
      { prepare: async () => Promise.resolve(1) },
      `"prepare" ${asyncHint}; await in the handlers`,
    ],
    ['an async state', { state: async () => Promise.resolve({}) }, `"state" ${asyncHint}`],
    ['options that are no object', { options: 5 }, '"options" must be an object, got a number'],
    [
      'a name of no option',
      { options: { size: option.int({ doc: '' }) }, stateIndependentOf: ['sise'] },
      '"stateIndependentOf" names "sise", which is no option (did you mean "size"?)',
    ],
    [
      'names that are no array',
      { stateIndependentOf: 'as' },
      '"stateIndependentOf" must be an array of options\' names, got a string',
    ],
    ['handlers by option that are no object', { onlyWith: 5 }, '"onlyWith" must be an object, got a number'],
    [
      'another handler by option',
      { onlyWith: { point: [] } },
      '"onlyWith" is for timer and stop, got "point"',
    ],
    [
      'a handler by option that is not there',
      { options: { size: option.int({ doc: '' }) }, onlyWith: { timer: ['size'] } },
      '"onlyWith.timer" is given, but there is no "timer"',
    ],
    [
      'a handler by an option that is none',
      { options: { size: option.int({ doc: '' }) }, onlyWith: { stop: ['sise'] }, stop: point },
      '"onlyWith.stop" names "sise", which is no option (did you mean "size"?)',
    ],
    [
      'a handler by no option',
      { onlyWith: { stop: [] }, stop: point },
      '"onlyWith.stop" must be an array of options\' names, got none',
    ],
    ['a doc that is no text', { doc: 1 }, '"doc" must be a string, got a number'],
  ])('%s', (_what, wrong, message) => {
    const call = () => define({ ...stream, ...wrong });
    expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    expect(call).toThrow(`UDF "udf": ${message}`);
  });

  it.each([
    ['string', { default: 5 }, 'the default of a string must be a string, got 5'],
    ['bool', { default: 'yes' }, 'the default of a bool must be a boolean, got "yes"'],
    ['int', { default: 'ten' }, 'the default of an int must be a number, got "ten"'],
    ['duration', { default: 5 }, "the default of a duration must be a duration as text ('10s'), got 5"],
    ['double', { default: '1' }, 'the default of a double must be a number, got "1"'],
  ] as const)('a default of the wrong type: %s', (kind, given, message) => {
    const kinds = option as unknown as Record<string, (given: object) => unknown>; // as JavaScript would call them
    const call = () => define({ ...stream, options: { mine: kinds[kind]!({ doc: '', ...given }) } });
    expect(call).toThrow(`UDF "udf": option "mine": ${message}`);
  });

  it.each([undefined, null, 'udf'])('no definition at all: %s', (nothing) => {
    expect(() => define(nothing as never)).toThrow('defineUdf: a definition is an object, got ');
  });

  it('a function instead of a definition', () => {
    expect(() => define(() => 1)).toThrow('defineUdf: a definition is an object, got a function');
  });

  it('what check and prepare return, when they are called', () => {
    const rejected = (): Promise<never> => Promise.reject(new Error('nobody waits'));
    const { handlers } = define({ ...stream, check: rejected, prepare: rejected }) as UdfDefinition;
    expect(() => handlers.check({})).toThrow(`UDF "udf": "check" ${asyncHint}`);
    expect(() => handlers.prepare({}, { task: 't', node: 'n' })).toThrow(`UDF "udf": "prepare" ${asyncHint}`);
    const text = define({ ...stream, check: () => 'bad' }) as UdfDefinition;
    expect(() => text.handlers.check({})).toThrow('"check" must return an array of strings, got a string');
    const none = define({ ...stream, check: () => undefined }) as UdfDefinition;
    expect(none.handlers.check({})).toEqual([]);
  });
});
