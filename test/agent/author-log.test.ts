import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { authorLog } from '../../src/agent/author-log.js';
import { createLogger } from '../../src/telemetry/create-logger.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

function logOfUse() {
  const lines: LogLine[] = [];
  const end = new AbortController();
  const log = authorLog(memoryLogger(lines), end.signal);
  const flood = (count: number): void => {
    for (let index = 0; index < count; index++) log.info('flood');
  };
  const texts = (): string[] => lines.splice(0).map(({ message }) => message);
  return { log, flood, texts, end };
}

const reportOf = (suppressed: number): string =>
  `${suppressed} lines of the UDF's log were suppressed: after 100 at once, 10 a second are logged`;

describe("an author's log", () => {
  test('takes a hundred lines at once, then ten a second', () => {
    const { flood, texts } = logOfUse();
    flood(1_000);
    expect(texts()).toHaveLength(100);
    vi.advanceTimersByTime(999);
    flood(1_000);
    expect(texts()).toEqual([]);
    vi.advanceTimersByTime(1);
    flood(1_000);
    expect(texts()).toEqual([reportOf(1_900), ...Array<string>(10).fill('flood')]);
  });

  test('may use a hundred at once again after ten quiet seconds', () => {
    const { flood, texts } = logOfUse();
    flood(100);
    vi.advanceTimersByTime(10_000);
    texts();
    flood(100);
    expect(texts()).toEqual(Array<string>(100).fill('flood'));
  });

  test('reports what was suppressed at the end of the use at the latest, and once', () => {
    const { flood, texts, end } = logOfUse();
    flood(105);
    texts();
    end.abort();
    expect(texts()).toEqual([reportOf(5)]);
  });

  test('has no report of a use that suppressed nothing', () => {
    const { flood, texts, end } = logOfUse();
    flood(100);
    texts();
    end.abort();
    expect(texts()).toEqual([]);
  });

  test('is limited for each use alone', () => {
    const [noisy, quiet] = [logOfUse(), logOfUse()];
    noisy.flood(200);
    quiet.flood(1);
    expect(quiet.texts()).toEqual(['flood']);
  });

  test('does not count lines of a level that is not logged', () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
    const log = authorLog(logger, new AbortController().signal);
    for (let index = 0; index < 1_000; index++) log.debug('not logged');
    log.info('logged');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['logged']);
  });
});
