import { accessSync, constants } from 'node:fs';
import type { DeadLetter, DeadLetters } from '../../model/dead-letters.js';
import type { DeadLetterStats, UseId } from '../../model/statistics.js';
import { makeDirectory } from '../../files/make-directory.js';
import { messageOf, systemCode, UdfError } from '../../model/errors.js';
import { counted } from '../../model/text.js';
import { createLogger } from '../../telemetry/create-logger.js';
import type { Logger } from '../../telemetry/logger.js';
import { RateLimitedLogger } from '../../telemetry/rate-limited-logger.js';
import { formatDeadLetter } from './format.js';
import { RotatedFiles } from './rotated-files.js';

export interface DeadLetterOptions {
  /** The directory of the files, `UDF/TASK-TIME-ID.lp`; created if absent. */
  readonly directory: string;
  /** Max bytes of all files; beyond it the oldest are removed. 64 MiB if not given, at least 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** Logs to standard error at level `info` if not given. */
  readonly logger?: Logger | undefined;
}

/** Dead letters in files. */
export interface DeadLetterFiles extends DeadLetters {
  readonly stats: DeadLetterStats;
  /** Writes what is waiting, for at most two seconds; later letters are lost. Never rejects. */
  close(): Promise<void>;
}

const defaultDeadLetterBytes = 64 * 1024 * 1024;
const minDeadLetterBytes = 1024 * 1024;

/**
 * Writes the points that the error policy drops as line protocol, which `replay` reads, with the reason as a comment
 * before each. Writing never delays a task: up to 16 MiB wait in memory, beyond that points are lost and counted.
 *
 * Throws `invalid_config` if the directory cannot be written to, and `invalid_argument` for an invalid limit.
 */
export function createDeadLetterFiles(options: DeadLetterOptions): DeadLetterFiles {
  const { directory, maxBytes = defaultDeadLetterBytes, logger = createLogger({ level: 'info' }) } = options;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < minDeadLetterBytes) {
    throw new UdfError(
      'invalid_argument',
      `maxBytes of dead letters must be a whole number from ${minDeadLetterBytes}, got ${maxBytes}`,
    );
  }
  try {
    makeDirectory(directory);
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const message = `cannot write dead letters to ${directory}: ${messageOf(cause)}`;
    throw new UdfError('invalid_config', message, { cause });
  }
  return new DeadLetterWriter(directory, maxBytes, logger);
}

const maxPendingBytes = 16 * 1024 * 1024;
/** Max characters that are formatted for one write, before the last letter. */
const maxPortionLength = 256 * 1024;
/** Estimated memory of a letter besides its bytes. */
const letterOverheadBytes = 256;
/** Max time of formatting before other work gets its turn. */
const maxSliceMs = 5;
/** Of the main thread's time, formatting takes at most one part in this many. */
const dutyDivisor = 5;
/** Letters are collected for this long, so that few writes are made. */
const collectMs = 50;
const retryMs = 1_000;
const closeTimeoutMs = 2_000;

/** The letters of a use that wait. */
interface Queue {
  readonly use: UseId;
  readonly letters: DeadLetter[];
  next: number;
}

/** Formatted letters. */
interface Portion {
  readonly use: UseId;
  readonly text: Buffer;
  readonly points: number;
  readonly bytes: number;
}

/** Estimates the memory of a letter that waits. */
function memoryOf({ frames, reason }: DeadLetter): number {
  return frames.length + reason.length + letterOverheadBytes;
}

class DeadLetterWriter implements DeadLetterFiles {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #files: RotatedFiles;
  readonly #logger: Logger;
  readonly #losses: RateLimitedLogger;
  readonly #failures: RateLimitedLogger;
  readonly #removals: RateLimitedLogger;
  /** By UDF, task and node, in the order in which they are written. */
  readonly #queues = new Map<string, Queue>();
  #pendingBytes = 0;
  #written = 0;
  #writtenBytes = 0;
  #writeErrors = 0;
  #lost = 0;
  #running: Promise<void> | undefined;
  #isFailing = false;
  #isClosing = false;
  #isClosed = false;
  /** Ends the current pause. */
  #wake: (() => void) | undefined;

  constructor(directory: string, maxBytes: number, logger: Logger) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#files = new RotatedFiles(directory, maxBytes);
    this.#logger = logger;
    this.#losses = new RateLimitedLogger(logger);
    this.#failures = new RateLimitedLogger(logger);
    this.#removals = new RateLimitedLogger(logger);
  }

  get stats(): DeadLetterStats {
    const { removedFiles, bytes } = this.#files;
    return {
      written: this.#written,
      writtenBytes: this.#writtenBytes,
      writeErrors: this.#writeErrors,
      lost: this.#lost,
      removedFiles,
      bytes,
    };
  }

  add(use: UseId, letter: DeadLetter): void {
    const bytes = memoryOf(letter);
    if (this.#isClosed || this.#pendingBytes + bytes > maxPendingBytes) {
      this.#lose(use, letter.points);
      return;
    }
    this.#pendingBytes += bytes;
    const key = JSON.stringify([use.udf, use.task, use.node]);
    const queue = this.#queues.get(key);
    if (queue) queue.letters.push(letter);
    else this.#queues.set(key, { use, letters: [letter], next: 0 });
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeTimeoutMs);
    });
    await Promise.race([this.#running, timeUp]);
    clearTimeout(timer);
    this.#isClosed = true;
    for (const { use, letters, next } of this.#queues.values()) {
      this.#lose(
        use,
        letters.slice(next).reduce((sum, { points }) => sum + points, 0),
      );
    }
    this.#queues.clear();
    if (this.#lost > 0) {
      this.#logger.warn({ lost: this.#lost }, `${counted(this.#lost, 'dead letter')} lost since the start`);
    }
  }

  /** Writes until nothing waits. */
  async #run(): Promise<void> {
    await this.#pause(collectMs);
    while (this.#queues.size > 0 && !this.#isClosed) {
      const start = performance.now();
      const portion = this.#takePortion();
      const formatMs = performance.now() - start;
      while (!(await this.#write(portion))) {
        if (this.#isClosing || portion.text.length > this.#maxBytes) {
          this.#lose(portion.use, portion.points);
          break;
        }
        await this.#pause(retryMs);
      }
      this.#pendingBytes -= portion.bytes;
      await this.#pause(formatMs * (dutyDivisor - 1));
    }
  }

  /** Formats letters of the use that has waited longest, for one slice of time. */
  #takePortion(): Portion {
    const [[key, queue]] = this.#queues as unknown as [[string, Queue]]; // not empty, see `#run`
    this.#queues.delete(key);
    const { use, letters } = queue;
    const end = performance.now() + maxSliceMs;
    let text = '';
    let points = 0;
    let bytes = 0;
    do {
      const letter = letters[queue.next++]!;
      points += letter.points;
      bytes += memoryOf(letter);
      text += formatDeadLetter(use, letter);
    } while (queue.next < letters.length && text.length < maxPortionLength && performance.now() < end);
    if (queue.next < letters.length) this.#queues.set(key, queue);
    return { use, text: Buffer.from(text), points, bytes };
  }

  /** False if it is to be tried again. */
  async #write({ use, text, points }: Portion): Promise<boolean> {
    const { removedFiles } = this.#files;
    try {
      await this.#files.append(use, text);
    } catch (reason) {
      this.#writeErrors++;
      this.#isFailing = true;
      this.#failures.error(
        () => ({ ...use, code: systemCode(reason), directory: this.#directory }),
        `dead letters cannot be written to ${this.#directory}: ${messageOf(reason)}; up to 16 MiB are kept in memory, ` +
          'more are lost; trying again every second',
      );
      return false;
    }
    this.#written += points;
    this.#writtenBytes += text.length;
    if (this.#isFailing) this.#logger.info({ directory: this.#directory }, 'dead letters are written again');
    this.#isFailing = false;
    const removed = this.#files.removedFiles - removedFiles;
    if (removed > 0) {
      this.#removals.error(
        () => ({ directory: this.#directory, files: removed }),
        'the oldest dead letters were removed to keep the limit of their directory (--dead-letter-bytes)',
      );
    }
    return true;
  }

  #lose(use: UseId, points: number): void {
    if (points === 0) return;
    this.#lost += points;
    this.#losses.error(
      () => ({ ...use, lost: this.#lost }),
      this.#isClosed || this.#isClosing
        ? 'dropped points are lost as the host stops: they are not among the dead letters'
        : 'dropped points are lost: more come than can be written as dead letters',
    );
  }

  /** Returns at once while closing. */
  async #pause(ms: number): Promise<void> {
    if (this.#isClosing) {
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
