import { isUdfError, messageOf, UdfError } from '../model/errors.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import type { ErrorPolicy } from '../udf/runtime-options.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { Counters } from './counters.js';
import type { MaybePromise } from './interface.js';
import type { OutputGuard } from './output-guard.js';

/** Max bytes of a thrown error's own text, so that the place, which follows it, still fits. */
const maxReasonBytes = 7 * 1024;

/** What a handler was called with, which the policy `pass` emits. */
type HandlerInput = LazyPoint | LazyBatch | undefined;

/** Applies a task's error policy to handlers that throw or reject. */
export class FailurePolicy {
  readonly #guard: OutputGuard;
  readonly #counters: Counters;
  readonly #onError: ErrorPolicy;
  /** Names the UDF and the task in messages. */
  readonly #prefix: string;
  readonly #logger: RateLimitedLogger;

  constructor(
    { udf, task, onError }: { readonly udf: string; readonly task: string; readonly onError: ErrorPolicy },
    guard: OutputGuard,
    counters: Counters,
    logger: Logger,
  ) {
    this.#guard = guard;
    this.#counters = counters;
    this.#onError = onError;
    this.#prefix = `${udf}: task ${task}: `;
    this.#logger = new RateLimitedLogger(logger);
  }

  /** Calls a handler; `input` is what `pass` would emit. Throws, or rejects with, what `failed` throws. */
  guarded(call: () => MaybePromise, input: HandlerInput, where?: () => string): MaybePromise {
    try {
      return call()?.catch((reason: unknown) => {
        this.failed(reason, input, where);
      });
    } catch (reason) {
      this.failed(reason, input, where);
      return undefined;
    }
  }

  /** Applies the policy to what a handler threw. Throws `handler` if the policy is to stop; `limit` and `malformed` always. */
  failed(reason: unknown, input: HandlerInput, where = () => placeOf(input)): void {
    // A limit, or malformed bytes found while a handler reads a point, end the connection under any policy.
    if (isUdfError(reason) && (reason.code === 'limit' || reason.code === 'malformed')) throw reason;
    if (this.#guard.ended) throw reason; // the end of the connection interrupted the handler
    this.#counters.errors++;
    const message = `${this.#prefix}${capText(messageOf(reason), maxReasonBytes)}${where()}`;
    if (this.#onError === 'stop') throw new UdfError('handler', message, { cause: reason });
    const passes = this.#onError === 'pass' && input !== undefined;
    this.#logger.error(
      () => ({ code: 'handler', err: UdfError.from(reason, 'handler') }),
      capText(`${message}; ${passes ? 'passed on unchanged' : 'dropped'}`),
    );
    if (passes) this.#guard.passOn(input);
    else if (input) this.#counters.pointsDropped += input instanceof LazyBatch ? input.points.length : 1;
  }
}

/** Where a handler failed, by its input. */
function placeOf(input: HandlerInput): string {
  if (!input) return '';
  const what = input instanceof LazyBatch ? 'batch' : 'point';
  return ` on the ${what} of group "${input.group}" at ${input.time}`;
}
