import { describe, expect, it } from 'vitest';
import { messageOf, systemCode, UdfError } from '../../src/model/errors.js';
import { setEntry } from '../../src/model/values.js';

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe('a UdfError', () => {
  it('is an Error with a code, a message and a cause', () => {
    const cause = new Error('why');
    const error = new UdfError('limit', 'too much', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'UdfError', code: 'limit', message: 'too much', cause });
    expect(`${error}`).toBe('UdfError: too much');
  });

  it('is made of any thrown value, which it keeps as its cause', () => {
    const values = [new TypeError('wrong'), 'text', 5, null, undefined, { a: 1 }, Symbol('s')];
    for (const value of values) {
      const error = UdfError.from(value);
      expect(error).toBeInstanceOf(UdfError);
      expect(error.code).toBe('internal');
      expect(error.cause).toBe(value);
    }
    expect(UdfError.from('text', 'handler')).toMatchObject({ code: 'handler', message: 'text' });
  });

  it('stays what it is, whatever code is asked for', () => {
    const error = new UdfError('limit', 'too much');
    expect(UdfError.from(error, 'handler')).toBe(error);
  });
});

describe('the message of a thrown value', () => {
  it.each([
    [new Error('text'), 'text'],
    [new TypeError(), 'TypeError'],
    ['text', 'text'],
    [null, 'null'],
    [systemError('ENOENT', "ENOENT: no such file or directory, open '/x'"), 'no such file or directory'],
    [systemError('EXDEV', "EXDEV: cross-device link, rename '/a, b' -> '/c'"), 'cross-device link'],
    [
      systemError('EISDIR', 'EISDIR: illegal operation on a directory, read'),
      'illegal operation on a directory',
    ],
    [systemError('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 'connect ECONNREFUSED 127.0.0.1:1'],
    [
      new Error('E1: no error of the system, it only looks so'),
      'E1: no error of the system, it only looks so',
    ],
    [Symbol('s'), 'Symbol(s)'],
    [Object.create(null), 'an unprintable value was thrown'],
    [
      {
        toString(): string {
          throw new Error('no');
        },
      },
      'an unprintable value was thrown',
    ],
  ])('is readable: %#', (value, message) => {
    expect(messageOf(value)).toBe(message);
    expect(UdfError.from(value).message).toBe(message);
  });
});

describe("the system's code", () => {
  it('is what an error of the system says, and nothing of other values', () => {
    expect(systemCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT');
    for (const other of [
      new Error('x'),
      Object.assign(new Error('x'), { code: 5 }),
      { code: 'ENOENT' },
      null,
    ]) {
      expect(systemCode(other)).toBeUndefined();
    }
  });
});

describe('an entry of a record', () => {
  it('can have any name and changes no prototype', () => {
    const record: Record<string, number> = {};
    setEntry(record, 'a', 1);
    setEntry(record, '__proto__', 2);
    setEntry(record, '__proto__', 3);
    expect(Object.entries(record)).toEqual([
      ['a', 1],
      ['__proto__', 3],
    ]);
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
  });
});
