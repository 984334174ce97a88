import { expect, test } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import { createLogger } from '../../src/telemetry/create-logger.js';
import type { Logger, LogLevel } from '../../src/telemetry/logger.js';

function logged(log: (logger: Logger) => void, level: LogLevel = 'debug'): string[] {
  const lines: string[] = [];
  log(createLogger({ level, format: 'telegraf', destination: { write: (line) => lines.push(line) } }));
  return lines;
}

test('each level has the mark by which Telegraf knows it', () => {
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  expect(
    logged((logger) => {
      for (const level of levels) logger[level]({}, `a message`);
    }),
  ).toEqual(['D! a message\n', 'I! a message\n', 'W! a message\n', 'E! a message\n']);
});

test('an entry is one line, with its details behind the message', () => {
  expect(
    logged((logger) => {
      logger.child({ udf: 'mirror' }).warn({ points: 3, place: { at: 1 } }, 'two\n  lines\r\nmore');
    }),
  ).toEqual(['W! two | lines | more (udf=mirror, points=3, place={"at":1})\n']);
});

test('an error explains itself, and a defect has its stack', () => {
  const [known, defect] = logged((logger) => {
    logger.error({ code: 'limit', err: new UdfError('limit', 'too much') }, 'too much');
    logger.error({ err: new TypeError('x is not a function') }, 'failed');
  }, 'info');
  expect(known).toBe('E! too much\n');
  expect(defect).toMatch(/^E! failed \(stack=TypeError: x is not a function \| at .*\)\n$/);
});

test('a line is far below the 64 KiB at which Telegraf stops reading', () => {
  const [line] = logged((logger) => {
    logger.error({ value: 'é'.repeat(100_000) }, 'x'.repeat(100_000));
  });
  expect(Buffer.byteLength(line!)).toBeLessThanOrEqual(16 * 1024);
});
