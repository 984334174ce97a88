import { describe, expect, test } from 'vitest';
import { type Context, createBatch, createPoint, defineUdf, option, type Point } from 'kapacitor-udf';
import { runUdf } from 'kapacitor-udf/testkit';
import { define, type Loose, messageOf } from './support/mistakes.js';

/** What an author gets wrong in JavaScript, or past the types: each message says what, where, and what to do. */

const udf = (more: Loose) => define({ name: 'mine', wants: 'stream', provides: 'stream', point, ...more });
const point = (input: unknown) => input;

describe('a definition', () => {
  test.each<[mistake: string, definition: () => Loose, message: string]>([
    [
      'a misspelt key',
      () => ({ stat: () => ({}) }),
      'UDF "mine": unknown key "stat" (did you mean "state"?)',
    ],
    [
      'an edge that is missing',
      () => ({ wants: undefined }),
      `UDF "mine": "wants" must be 'stream' or 'batch', got undefined`,
    ],
    [
      'a misspelt edge',
      () => ({ provides: 'streams' }),
      `UDF "mine": "provides" must be 'stream' or 'batch', got "streams"`,
    ],
    [
      'no handler',
      () => ({ point: undefined }),
      'UDF "mine": a UDF that wants a stream has one handler, point: (point, context) => …; got none',
    ],
    [
      'handlers that exclude each other',
      () => ({ wants: 'batch', batch: point }),
      'UDF "mine": a UDF that wants batches has either batch, or point with beginBatch and endBatch as needed; got point, batch',
    ],
    [
      'a handler that is called, not given',
      () => ({ point: 5 }),
      'UDF "mine": "point" must be a function (point: (point, context) => …), got a number',
    ],
    [
      'a name that no TICKscript can write',
      () => ({ name: 'my-udf' }),
      'UDF "my-udf": the name must be a letter, then letters, digits and _, such as myUdf',
    ],
    [
      'an option that is a word',
      () => ({ options: { field: 'string' } }),
      'UDF "mine": option "field" is made by option.string() or another of `option`',
    ],
    [
      'an option that is a function',
      () => ({ options: { field: () => option.string({ doc: 'A field.' }) } }),
      'UDF "mine": option "field" is made by option.string() or another of `option`; call it: option.string({ doc: … })',
    ],
    [
      "an option with a name of the runtime's",
      () => ({ options: { onError: option.string({ doc: 'A policy.' }) } }),
      'UDF "mine": option "onError" is one the runtime offers on every UDF; choose another name',
    ],
    [
      'a default of another type',
      () => ({ options: { size: option.int({ default: 'ten' as never, doc: 'A size.' }) } }),
      'UDF "mine": option "size": the default of an int must be a number, got "ten"',
    ],
    [
      'a misspelt setting of an option',
      () => ({ options: { size: option.int({ requird: true, doc: 'A size.' } as never) } }),
      'option.int: unknown key "requird" (did you mean "required"?)',
    ],
    [
      'a new version without a migration',
      () => ({ version: 2 }),
      'UDF "mine": version 2 needs "migrate" for snapshots of older ones: migrate: (old, fromVersion) => ({ … })',
    ],
    [
      'a state that is to be awaited',
      () => ({ state: () => Promise.resolve({}), point, prepare: async () => Promise.resolve({}) }),
      'UDF "mine": "prepare" must not be async or return a promise: its result is used at once; await in the handlers what it starts, as a property of the object it returns',
    ],
    [
      'a policy that is none',
      () => ({ onError: 'ignore' }),
      `UDF "mine": "onError" must be one of 'stop', 'drop', 'pass', got "ignore"`,
    ],
  ])('with %s is refused', async (_, definition, message) => {
    expect(await messageOf(() => udf(definition()))).toBe(message);
  });
});

type Handler = (point: Point, context: Context<Loose, unknown, Point, Loose>) => unknown;

describe('a handler', () => {
  /** What is behind each message: the place, by the group and time of the point. */
  const where = (message: string): string =>
    `${/[:;] /.test(message) ? ';' : ''} on the point of group "host=a" at 1`;

  test.each<[mistake: string, handler: Handler, message: string]>([
    [
      'emits a plain object',
      (_, { emit }) => {
        emit({ time: 1n, fields: { v: 1 } });
      },
      'emit takes a point here, got an object; make one with createPoint()',
    ],
    [
      'emits a promise: await is forgotten',
      (input, { emit }) => {
        emit(Promise.resolve(input) as never);
      },
      'emit takes a point here, got a promise; await it first',
    ],
    [
      'emits nothing',
      (_, { emit }) => {
        emit(undefined as never);
      },
      'emit takes a point here, got undefined',
    ],
    [
      'emits an array',
      (input, { emit }) => {
        emit([input] as never);
      },
      'emit takes a point here, got an array; return the array, or emit each of its items',
    ],
    [
      'takes emit for the second parameter',
      (_, emit) => {
        (emit as unknown as () => void)();
      },
      'emit is not a function; the second parameter of a handler is its context: (point, { emit }) => …',
    ],
    [
      'returns fields',
      ({ fields }) => fields,
      'point returned an object; return nothing, a point or an array of them; make one with createPoint()',
    ],
    [
      'returns a condition',
      () => true,
      'point returned a boolean; return nothing, a point or an array of them',
    ],
    [
      'returns promises in an array',
      (input) => [Promise.resolve(input)],
      'point returned a promise; return nothing, a point or an array of them; await it first',
    ],
    [
      'sets a field to undefined',
      (input) => input.withField('avg', undefined as never),
      'field "avg" cannot be undefined: it takes a number, bigint, string, boolean or Long',
    ],
    [
      'sets a field to an object',
      (input) => input.withField('avg', { mean: 1 } as never),
      'field "avg" cannot be an object: it takes a number, bigint, string, boolean or Long',
    ],
    [
      'sets an integer beyond 64 bits',
      (input) => input.withField('n', 2n ** 63n),
      'field "n" does not fit an int64: 9223372036854775808; Number(value) makes it a double',
    ],
    [
      'sets a tag to a number',
      (input) => input.withTag('rack', 5 as never),
      'tag "rack" must be a string, got number',
    ],
    [
      'gives a time in milliseconds',
      (input) => createPoint({ name: input.name, time: 1_514_979_051_065 as never, fields: { v: 1 } }),
      "a point's time must be nanoseconds as a bigint or a Long, got a number; of milliseconds, it is BigInt(milliseconds) * 1_000_000n",
    ],
    [
      'gives a time as a Date',
      (input) => input.withTime(new Date(0) as never),
      "a point's time must be nanoseconds as a bigint or a Long, got a Date; of milliseconds, it is BigInt(milliseconds) * 1_000_000n",
    ],
    [
      'assigns a time to a point',
      (input) => Object.assign(input, { time: 2n }),
      'point.time was assigned; points are immutable: use point.withTime(2n)',
    ],
    [
      'assigns fields to a point',
      (input) => Object.assign(input, { fields: { avg: 2, s: 'x' } }),
      "point.fields was assigned; points are immutable: use point.replaceFields({ avg: 2, s: 'x' }), or withFields() to keep the others",
    ],
    [
      'assigns a name to a point',
      (input) => Object.assign(input, { name: 'mem' }),
      "point.name was assigned; points are immutable: use point.withName('mem')",
    ],
    [
      'adds a field to the fields of a point',
      (input) => Object.assign(input.fields, { avg: 2 }),
      'Cannot add property avg, object is not extensible; points are immutable: use point.withFields({ avg: … }), or withTags() for a tag',
    ],
    [
      'changes a field of a point',
      ({ fields }) => {
        (fields as Record<string, unknown>).v = 2;
      },
      "Cannot assign to read only property 'v' of object '#<Object>'; points are immutable: use point.withFields({ v: … }), or withTags() for a tag",
    ],
    [
      'deletes a field of a point',
      ({ fields }) => {
        delete (fields as Record<string, unknown>).v;
      },
      'Cannot delete property \'v\' of #<Object>; points are immutable: use point.withoutFields("v")',
    ],
    [
      'changes a tag of a point',
      ({ tags }) => Object.assign(tags, { 'rack-id': 'r1' }),
      'Cannot add property rack-id, object is not extensible; points are immutable: use point.withFields({ "rack-id": … }), or withTags() for a tag',
    ],
    [
      'adds a property to a point',
      (input) => Object.assign(input, { avg: 2 }),
      'Cannot add property avg, object is not extensible; points are immutable: use point.withFields({ avg: … }), or withTags() for a tag',
    ],
    [
      'calculates with an integer field as if it were a number',
      (input) => input.withField('next', (input.field('n') as number) + 1),
      "Cannot mix BigInt and other types, use explicit conversions; integer fields, times and durations are bigints: 2n is one, BigInt(n) and Number(n) convert, and point.number('field') reads any numeric field as a number",
    ],
    [
      'calls a method that points of another agent have',
      (point) => (point as unknown as { getField(name: string): number }).getField('v'),
      "point.getField is not a function; a point has field('name')",
    ],
    [
      'returns a batch',
      ({ name, time }) => createBatch({ name, time, points: [] }),
      'point returned a batch; return nothing, a point or an array of them; of a batch, return the points',
    ],
    [
      'assigns a state that is not defined',
      (_, context) => {
        (context as { state: unknown }).state = { n: 1 };
      },
      'context.state was assigned, but the definition has no "state": add state: () => ({ … })',
    ],
  ])('that %s ends the task with a reason and its place', async (_, handler, message) => {
    const run = await runUdf(udf({ point: handler }), { groupBy: ['host'] });
    const answer = await messageOf(() => run.send('cpu,host=a n=1i,v=1 1'));
    expect(answer).toContain(`mine: task test: ${message}${where(message)}`);
    // What is returned is only looked at when the handler has ended: its place is that of the definition.
    const isAfterwards = message.startsWith('point returned') || message.startsWith('context.state');
    const place = `${isAfterwards ? 'the UDF is defined ' : ''}at test/errors/author.test.ts:`;
    expect(answer).toContain(` at 1 (${place}`);
    expect(answer).toMatch(/\.ts:\d+\); at input point 1: /);
  });

  test.each<[mistake: string, state: () => unknown, message: string]>([
    [
      'a number',
      () => 0,
      'UDF "mine": "state" must return an object, got 0: a change of it in a handler would be lost. Write state: () => ({ count: 0 }) and state.count += 1',
    ],
    [
      'one object for all groups',
      (
        (shared) => () =>
          shared
      )({}),
      'UDF "mine": "state" returned the same object for two groups, which would share it; return a new one each time: state: () => ({ … })',
    ],
  ])('whose state is %s ends the task', async (_, state, message) => {
    const run = await runUdf(udf({ state }), { groupBy: ['host'] });
    expect(await messageOf(() => run.send('cpu,host=a v=1 1\ncpu,host=b v=1 1'))).toContain(message);
  });
});

describe('the options in a TICKscript', () => {
  const sized = () =>
    defineUdf({
      name: 'mine',
      wants: 'stream',
      provides: 'stream',
      options: {
        field: option.string({ required: true, doc: 'A field.' }),
        size: option.int({ min: 1, doc: 'A size.' }),
      },
      point: (input) => input,
    });

  test.each([
    ['', '.field() is required'],
    [".field('v').size(0)", '.size() must be at least 1, got 0'],
    [".field('v').field('w')", '.field() is given more than once'],
    [".feild('v')", '.feild()'],
    [".field('v').size(1.0)", '.size()'],
  ])('%s are refused', async (options, message) => {
    expect(await messageOf(() => runUdf(sized(), { options }))).toContain(message);
  });
});
