import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import { createLogger, maxLineBytes } from '../../src/telemetry/create-logger.js';
import type { Logger, LogLevel } from '../../src/telemetry/logger.js';

function logging(level: LogLevel, log: (logger: Logger) => void): string[] {
  const lines: string[] = [];
  log(createLogger({ level, destination: { write: (line) => lines.push(line) } }));
  return lines;
}

/** The one entry that was logged. */
function entry(level: LogLevel, log: (logger: Logger) => void): Record<string, unknown> {
  const [line, ...others] = logging(level, log);
  expect(others).toEqual([]);
  expect(line).toMatch(/^[^\n]*\n$/);
  return JSON.parse(line!) as Record<string, unknown>;
}

describe('a log line', () => {
  test('is JSON with level, time, details and message', () => {
    const { time, ...rest } = entry('info', (logger) => {
      logger.child({ udf: 'mirror' }).warn({ points: 3 }, 'two\nlines');
    });
    expect(rest).toEqual({ level: 'warn', udf: 'mirror', points: 3, msg: 'two\nlines' });
    expect(new Date(String(time)).toISOString()).toBe(time);
  });

  test('is written only from the level on', () => {
    const all = (logger: Logger): void => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, level);
    };
    expect(
      (['debug', 'info', 'warn', 'error', 'silent'] as const).map((level) => logging(level, all).length),
    ).toEqual([4, 3, 2, 1, 0]);
  });
});

describe('details that cannot be read', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const fails = (): never => {
    throw new Error('not now');
  };

  test.each<readonly [string, object]>([
    [
      'a getter that throws',
      {
        get points(): number {
          return fails();
        },
      },
    ],
    ['a Proxy that throws', new Proxy({}, { ownKeys: fails, get: fails, has: fails, getPrototypeOf: fails })],
    ['a revoked Proxy', revoked()],
  ])('%s: the message is written without them', (_what, details) => {
    const {
      level,
      msg,
      udf,
      details: written,
    } = entry('info', (logger) => {
      logger.child({ udf: 'mine' }).info(details, 'a');
    });
    expect([level, msg, udf]).toEqual(['info', 'a', 'mine']);
    expect(written).toMatch(/^unreadable: /);
  });

  test.each<readonly [string, unknown]>([
    ['a circle', circle],
    ['a BigInt', 5n],
    [
      'a getter that throws',
      {
        get points(): number {
          return fails();
        },
      },
    ],
    ['toJSON that throws', { toJSON: fails }],
    ['a revoked Proxy', revoked()],
  ])('%s among them leaves the others as they are', (_what, value) => {
    const { msg, points } = entry('info', (logger) => {
      logger.info({ points: 3, value }, 'a');
    });
    expect([msg, points]).toEqual(['a', 3]);
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('an error in the log', () => {
  const mistake = new UdfError('socket_in_use', 'another process answers', { cause: new Error('why') });

  test('that a user made is told in one line, without a stack', () => {
    const { err } = entry('info', (logger) => {
      logger.error({ err: mistake }, 'failed');
    });
    expect(err).toEqual({ code: 'socket_in_use', message: 'another process answers' });
  });

  test('that a user made has its stack and cause at level debug', () => {
    const { err } = entry('debug', (logger) => {
      logger.error({ err: mistake }, 'failed');
    });
    expect(err).toMatchObject({ code: 'socket_in_use', cause: { message: 'why' } });
    expect((err as { stack: string }).stack).toContain('create-logger.test.ts');
  });

  test.each([
    ['of this package', new UdfError('internal', 'a defect')],
    ['that is no UdfError', new TypeError('a defect')],
  ])('%s has its stack at any level', (_what, defect) => {
    const { err } = entry('error', (logger) => {
      logger.error({ err: defect }, 'failed');
    });
    expect(err).toMatchObject({ message: 'a defect' });
    expect((err as { stack: string }).stack).toContain('create-logger.test.ts');
  });

  test('is told even if it is no error at all', () => {
    const { err } = entry('info', (logger) => {
      logger.error({ err: 'only text' }, 'failed');
    });
    expect(err).toEqual({ message: 'only text' });
  });

  test('ends although its causes go in a circle', () => {
    const circle: Error & { cause?: unknown } = new Error('round and round');
    circle.cause = circle;
    const { err } = entry('info', (logger) => {
      logger.error({ err: circle }, 'failed');
    });
    expect(err).toMatchObject({ message: 'round and round' });
  });
});

/** Kapacitor stops reading a UDF's log for good at a line of 64 KiB. */
describe('a long log line', () => {
  test('is cut in its strings, and says how much is missing', () => {
    const { msg, udf } = entry('info', (logger) => {
      logger.error({ udf: 'mirror' }, 'x'.repeat(100_000));
    });
    expect(udf).toBe('mirror');
    expect(msg).toMatch(/^x{4096}\.\.\. \(95904 more characters\)$/);
  });

  test('that many parts make long keeps level, time and message', () => {
    const parts = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`key${index}`, index]));
    const { level, msg, truncated, key1 } = entry('info', (logger) => {
      logger.info({ ...parts }, 'many parts');
    });
    expect({ level, msg, key1 }).toEqual({ level: 'info', msg: 'many parts', key1: undefined });
    expect(truncated).toBeGreaterThan(maxLineBytes);
  });

  test('is JSON of at most 16 KiB, whatever is logged', () => {
    const long = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.repeat(300));
    const details = fc.dictionary(fc.string(), fc.oneof(long, fc.jsonValue()), { maxKeys: 8 });
    fc.assert(
      fc.property(details, long, (given, message) => {
        const lines = logging('info', (logger) => {
          logger.info(given, message);
        });
        expect(lines).toHaveLength(1);
        expect(Buffer.byteLength(lines[0]!)).toBeLessThanOrEqual(maxLineBytes);
        expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
        JSON.parse(lines[0]!);
      }),
      { numRuns: 30 },
    );
  });
});
