import { describe, expect, test } from 'vitest';
import { errorFrom, plainError } from '../../../../src/host/isolation/worker/plain-error.js';
import { UdfError } from '../../../../src/model/errors.js';

/** What another thread makes of it. */
function crossed(reason: unknown): UdfError {
  return errorFrom(structuredClone(plainError(reason)));
}

describe('an error that crosses threads', () => {
  test('keeps code, message, stack and causes', () => {
    const cause = new TypeError('no value');
    const error = new UdfError('snapshot_migration', 'cannot migrate', { cause });
    const other = crossed(error);
    expect(other).toBeInstanceOf(UdfError);
    expect(other).toMatchObject({
      code: 'snapshot_migration',
      message: 'cannot migrate',
      stack: error.stack,
    });
    expect(other.cause).toMatchObject({ message: 'no value', stack: cause.stack });
  });

  test("keeps the system's code", () => {
    const error = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    expect(crossed(error)).toMatchObject({ code: 'ENOSPC', message: 'no space' });
  });

  test('has a bounded chain of causes, even if it is circular', () => {
    const error = new Error('again');
    error.cause = error;
    let depth = 0;
    for (let at: unknown = crossed(error); at instanceof Error; at = at.cause) depth++;
    expect(depth).toBe(5);
  });

  test.each([
    ['a string', 'thrown', 'thrown'],
    ['undefined', undefined, 'undefined'],
    ['an object', { a: 1 }, undefined],
    [
      'a proxy that throws',
      new Proxy(new Error('hidden'), {
        get() {
          throw new Error('from the proxy');
        },
      }),
      undefined,
    ],
  ])('may be %s', (_what, reason, message) => {
    const { code, message: text } = crossed(reason);
    expect(code).toBe('handler');
    expect(text).toEqual(message ?? expect.any(String));
  });
});
