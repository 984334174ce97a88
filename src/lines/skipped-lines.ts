import { messageOf, UdfError } from '../model/errors.js';
import type { LineSplitter } from '../recording/line-splitter.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import type { ErrorPolicy } from '../udf/runtime-options.js';

/** Max bytes of a malformed line in the log. */
const maxShownBytes = 200;

export const maxInt64 = 2n ** 63n - 1n;

/** Counts lines that are left out, and logs why at a limited rate. */
export class SkippedLines {
  count = 0;
  readonly #logger: RateLimitedLogger;
  /** Names the UDF and the task in messages. */
  readonly #prefix: string;

  constructor(logger: Logger, prefix: string) {
    this.#logger = new RateLimitedLogger(logger);
    this.#prefix = prefix;
  }

  /** The splitter's current line is malformed. */
  malformed({ buf, start, end }: LineSplitter, reason: unknown): void {
    this.count++;
    const text = buf.toString('utf8', start, Math.min(end, start + maxShownBytes));
    const shown = `${JSON.stringify(text)}${end - start > maxShownBytes ? '…' : ''}`;
    this.#log(`a malformed line is skipped: ${messageOf(reason)}: ${shown}`);
  }

  /** Line protocol cannot hold an emitted point. */
  emitted(reason: unknown): void {
    this.count++;
    this.#log(`an emitted point is skipped: ${messageOf(reason)}`);
  }

  /** A field is an unsigned integer beyond an int64. Returns the message; throws it as `limit` under the policy `stop`. */
  beyondInt64(field: string, value: bigint, policy: ErrorPolicy): string {
    const message = `${this.#prefix}field "${field}" is ${value}u, and a UDF's integers end at ${maxInt64}`;
    if (policy === 'stop') throw new UdfError('limit', message);
    if (policy === 'drop') this.count++;
    this.#log(`${message}; ${policy === 'pass' ? 'passed on unchanged' : 'dropped'}`);
    return message;
  }

  #log(message: string): void {
    this.#logger.error(() => ({}), message);
  }
}
