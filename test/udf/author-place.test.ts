import { join } from 'node:path';
import { defineUdf, option, type Point } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import { runUdf } from '../../src/testkit/run.js';
import { authorPlace } from '../../src/udf/author-place.js';
import { shownFile } from '../../src/udf/stack-frames.js';
import { kapacitorInMemory } from '../support/connection.js';

const base = { name: 'mine', wants: 'stream', provides: 'stream' } as const;
const point = (input: Point): Point => input;

/** The place in this file, with the line of the call. */
const here = / \(at test\/udf\/author-place\.test\.ts:\d+\)/;

const fail = (): never => {
  throw new TypeError('no luck');
};

describe('what the author’s code throws is said with file and line, whichever function it is:', () => {
  test.each([
    ['a handler', defineUdf({ ...base, point: fail })],
    [
      'an async handler, after an await',
      defineUdf({
        ...base,
        point: async () => {
          await Promise.resolve();
          fail();
        },
      }),
    ],
    [
      'calls that overlap',
      defineUdf({ ...base, concurrency: 2, point: async () => Promise.resolve(fail()) }),
    ],
    ['state', defineUdf({ ...base, state: (): { n: number } => fail(), point })],
    [
      'a timer',
      defineUdf({
        ...base,
        state: () => ({}),
        point: (_, { timers }) => {
          timers.set('t', { after: '0s' });
        },
        timer: fail,
      }),
    ],
    [
      'a call of the API with a wrong value',
      defineUdf({ ...base, point: (input) => input.withField('', 1) }),
    ],
  ])('%s', async (_what, definition) => {
    const run = await runUdf(definition);
    await expect(run.send('cpu v=1 1\ncpu v=1 2')).rejects.toThrow(here);
  });

  test('stop', async () => {
    const run = await runUdf(defineUdf({ ...base, point, stop: fail }));
    await expect(run.stop()).rejects.toThrow(here);
  });

  test.each([
    ['prepare', defineUdf({ ...base, point, prepare: (): object => fail() })],
    ['check', defineUdf({ ...base, point, check: (): string[] => fail() })],
  ])('%s', async (_what, definition) => {
    await expect(runUdf(definition)).rejects.toThrow(here);
  });

  test('migrate', async () => {
    const state = () => ({ n: 1 });
    const old = await runUdf(defineUdf({ ...base, state, point }));
    await old.send('cpu v=1 1');
    const snapshot = await old.snapshot();
    await old.stop();
    const migrating = defineUdf({ ...base, version: 2, state, migrate: (): { n: number } => fail(), point });
    await expect(runUdf(migrating, { snapshot, strictRestore: true })).rejects.toThrow(here);
  });

  test('an emit outside of a handler', async () => {
    const late = defineUdf({
      ...base,
      point: (_, { emit }) => {
        setImmediate(() => {
          emit({} as Point);
        });
      },
    });
    const { agent, kapacitor } = kapacitorInMemory(late);
    await kapacitor.init();
    kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
    await kapacitor.closed;
    await agent.closed;
    expect(agent.failure?.message).toMatch(here);
  });
});

test('options that the author refuses are said without a place: it is the TICKscript that is wrong', async () => {
  const refusing = defineUdf({
    ...base,
    options: { size: option.int({ default: 1, doc: 'A size.' }) },
    prepare: (): object => {
      throw new UdfError('invalid_options', 'size is odd');
    },
    point,
  });
  const failure = await runUdf(refusing).catch((reason: unknown) => String(reason));
  expect(failure).toContain('size is odd');
  expect(failure).not.toContain('(at ');
});

describe('the place', () => {
  const error = (...frames: readonly string[]): Error =>
    Object.assign(new Error('x'), {
      stack: ['Error: x', ...frames.map((frame) => `    at ${frame}`)].join('\n'),
    });

  test.each([
    [
      'is outside of this package',
      [`f (${join(process.cwd(), 'src/wire/checks.ts')}:3:1)`, 'g (/udf.ts:7:2)'],
      '/udf.ts:7',
    ],
    [
      'is outside of Node.js',
      ['new Promise (<anonymous>)', 'node:internal/x:1:1', '/udf.ts:7:2'],
      '/udf.ts:7',
    ],
    [
      'is outside of installed packages',
      ['f (/a/node_modules/b/c.js:1:1)', 'async g (/a/udf.ts:7:2)'],
      '/a/udf.ts:7',
    ],
    [
      'is in an installed package where that is the UDF',
      ['f (/a/node_modules/b/c.js:1:1)'],
      '/a/node_modules/b/c.js:1',
    ],
    ['is a path, from a URL', ['f (file:///my%20udfs/udf.ts:7:2)'], '/my udfs/udf.ts:7'],
    [
      'is relative to the current directory if it is below it',
      [`f (${join(process.cwd(), 'x.ts')}:1:1)`],
      'x.ts:1',
    ],
  ])('%s', (_what, frames, place) => {
    expect(authorPlace(error(...frames))).toBe(` (at ${place})`);
  });

  test('is that of the cause, where an error of the runtime wraps it', () => {
    const wrapped = error('f (node:x:1:1)');
    wrapped.cause = error('g (/udf.ts:7:2)');
    expect(authorPlace(wrapped)).toBe(' (at /udf.ts:7)');
  });

  test('is left out where no stack tells it, and never throws', () => {
    const circular = error();
    circular.cause = circular;
    const hostile = new Proxy(new Error('x'), {
      get: () => {
        throw new Error('no');
      },
    });
    const odd = Object.assign(new Error('x'), { stack: 7 });
    for (const reason of ['text', undefined, circular, hostile, odd]) expect(authorPlace(reason)).toBe('');
  });

  test('is shown whole where a relative path is longer', () => {
    expect(shownFile('/x')).toBe('/x');
  });
});
