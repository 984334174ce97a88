import { isUdfError, messageOf, UdfError } from '../model/errors.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import { authorOrDefinitionPlace, authorPlace } from '../udf/author-place.js';
import type { UdfDefinition } from '../udf/definition.js';
import { hintFor } from '../udf/mistake-hints.js';
import type { ErrorPolicy } from '../udf/runtime-options.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { Counters } from './counters.js';
import type { DeadLetters } from '../model/dead-letters.js';
import { addDeadLetters } from './dead-letters.js';
import type { HandlerRuns } from './handler-runs.js';
import type { MaybePromise } from './interface.js';
import type { OutputGuard } from './output-guard.js';
import type { UseId } from '../model/statistics.js';

/** Max bytes of the reason that is kept with each dropped point. */
const maxLetterReasonBytes = 1024;

/** Max bytes of a thrown error's own text, so that the place, which follows it, still fits. */
const maxReasonBytes = 7 * 1024;

export interface FailureSettings {
  /** The UDF whose handlers are called. */
  readonly definition: UdfDefinition;
  /** Tells which failures are not those of a handler's code. */
  readonly runs?: Pick<HandlerRuns, 'isRefusal'> | undefined;
  readonly onError: ErrorPolicy;
  readonly deadLetters?: DeadLetters | undefined;
  /** Starts the time limit of one async call; `undefined` without a limit. */
  readonly startTimeLimit: () => NodeJS.Timeout | undefined;
}

/** What a handler was called with, which the policy `pass` emits. */
type HandlerInput = LazyPoint | LazyBatch | undefined;

/** Calls handlers: each within the time limit, with the task's error policy if it throws or rejects. */
export class FailurePolicy {
  readonly #guard: OutputGuard;
  readonly #counters: Counters;
  readonly #use: UseId;
  readonly #definition: UdfDefinition;
  readonly #runs: FailureSettings['runs'];
  readonly #onError: ErrorPolicy;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #startTimeLimit: () => NodeJS.Timeout | undefined;
  /** Names the UDF and the task in messages. */
  readonly #prefix: string;
  readonly #logger: RateLimitedLogger;

  constructor(
    use: UseId,
    { definition, runs, onError, deadLetters, startTimeLimit }: FailureSettings,
    guard: OutputGuard,
    counters: Counters,
    logger: Logger | RateLimitedLogger,
  ) {
    this.#guard = guard;
    this.#counters = counters;
    this.#use = use;
    this.#definition = definition;
    this.#runs = runs;
    this.#onError = onError;
    this.#deadLetters = deadLetters;
    this.#startTimeLimit = startTimeLimit;
    this.#prefix = `${use.udf}: task ${use.task}: `;
    this.#logger = logger instanceof RateLimitedLogger ? logger : new RateLimitedLogger(logger);
  }

  /** The same policy for handlers whose input is passed on through another guard. */
  forGuard(
    guard: OutputGuard,
    settings: Omit<FailureSettings, 'definition' | 'runs' | 'onError'>,
  ): FailurePolicy {
    const all = { ...settings, definition: this.#definition, runs: this.#runs, onError: this.#onError };
    return new FailurePolicy(this.#use, all, guard, this.#counters, this.#logger);
  }

  /** Calls a handler; `input` is what `pass` would emit. Throws, or rejects with, what `failed` throws. */
  guarded(call: () => MaybePromise, input: HandlerInput, where?: () => string): MaybePromise {
    try {
      const called = call();
      return called && this.#limited(called, input, where);
    } catch (reason) {
      this.failed(reason, input, where);
      return undefined;
    }
  }

  async #limited(called: Promise<void>, input: HandlerInput, where?: () => string): Promise<void> {
    const limit = this.#startTimeLimit();
    try {
      await called;
    } catch (reason) {
      this.failed(reason, input, where);
    } finally {
      clearTimeout(limit);
    }
  }

  /** Applies the policy to what a handler threw. Throws `handler` if the policy is to stop; `limit` and `malformed` always. */
  failed(reason: unknown, input: HandlerInput, where = () => placeOf(input)): void {
    // A limit, or malformed bytes found while a handler reads a point, end the connection under any policy.
    if (isUdfError(reason) && (reason.code === 'limit' || reason.code === 'malformed')) throw reason;
    if (this.#guard.ended) throw reason; // the end of the connection interrupted the handler
    this.#counters.errors++;
    const text = explained(reason, input);
    const place = where();
    // Behind a remedy or a list, the place would read as a part of it.
    const separator = place === '' ? '' : /[:;] /.test(text) ? '; ' : ' ';
    const code = isUdfError(reason) && reason.code === 'handler_timeout' ? reason.code : 'handler';
    // What a handler returns is refused when no code of the author's is on the stack.
    const isOfCode = code === 'handler' && this.#runs?.isRefusal(reason) !== true;
    const message = (): string => {
      const source = isOfCode ? authorOrDefinitionPlace(reason, this.#definition) : authorPlace(reason);
      return `${this.#prefix}${text}${separator}${place}${source}`;
    };
    if (this.#onError === 'stop') throw new UdfError(code, message(), { cause: reason });
    const passes = this.#onError === 'pass' && input !== undefined;
    this.#logger.error(
      () => ({ code, err: UdfError.from(reason, 'handler') }),
      () => capText(`${message()}; ${passes ? 'passed on unchanged' : 'dropped'}`),
    );
    if (passes) this.#guard.passOn(input);
    else if (input) this.#drop(input, text);
  }

  #drop(input: LazyPoint | LazyBatch, reason: string): void {
    this.#counters.pointsDropped += input instanceof LazyBatch ? input.points.length : 1;
    if (this.#deadLetters) {
      addDeadLetters(
        this.#deadLetters,
        this.#use,
        input,
        this.#guard.inputBatch,
        capText(reason, maxLetterReasonBytes),
      );
    }
  }
}

/** The text of a thrown value, with what to do about it if that is known. */
function explained(reason: unknown, input: HandlerInput): string {
  const message = messageOf(reason);
  const hint = hintFor(message, input instanceof LazyBatch ? 'batch' : 'point');
  return capText(hint === undefined ? message : `${message}; ${hint}`, maxReasonBytes);
}

/** Where a handler failed, by its input. */
function placeOf(input: HandlerInput): string {
  if (!input) return '';
  const what = input instanceof LazyBatch ? 'batch' : 'point';
  const { group, time } = input;
  return group === '' ? `on the ${what} at ${time}` : `on the ${what} of group "${group}" at ${time}`;
}
