import { isUdfError, messageOf, UdfError } from '../model/errors.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import { authorPlace } from '../udf/author-place.js';
import type { ErrorPolicy } from '../udf/runtime-options.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { Counters } from './counters.js';
import type { DeadLetters } from '../model/dead-letters.js';
import { addDeadLetters } from './dead-letters.js';
import type { MaybePromise } from './interface.js';
import type { OutputGuard } from './output-guard.js';
import type { UseId } from '../model/statistics.js';

/** Max bytes of the reason that is kept with each dropped point. */
const maxLetterReasonBytes = 1024;

/** Max bytes of a thrown error's own text, so that the place, which follows it, still fits. */
const maxReasonBytes = 7 * 1024;

export interface FailureSettings {
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
  readonly #onError: ErrorPolicy;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #startTimeLimit: () => NodeJS.Timeout | undefined;
  /** Names the UDF and the task in messages. */
  readonly #prefix: string;
  readonly #logger: RateLimitedLogger;

  constructor(
    use: UseId,
    { onError, deadLetters, startTimeLimit }: FailureSettings,
    guard: OutputGuard,
    counters: Counters,
    logger: Logger | RateLimitedLogger,
  ) {
    this.#guard = guard;
    this.#counters = counters;
    this.#use = use;
    this.#onError = onError;
    this.#deadLetters = deadLetters;
    this.#startTimeLimit = startTimeLimit;
    this.#prefix = `${use.udf}: task ${use.task}: `;
    this.#logger = logger instanceof RateLimitedLogger ? logger : new RateLimitedLogger(logger);
  }

  /** The same policy for handlers whose input is passed on through another guard. */
  forGuard(guard: OutputGuard, settings: Omit<FailureSettings, 'onError'>): FailurePolicy {
    const all = { ...settings, onError: this.#onError };
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
    const text = explained(reason);
    const place = where();
    // Behind a remedy, the place would read as a part of it.
    const separator = place === '' ? '' : text.includes('; ') ? '; ' : ' ';
    const message = (): string => `${this.#prefix}${text}${separator}${place}${authorPlace(reason)}`;
    const code = isUdfError(reason) && reason.code === 'handler_timeout' ? reason.code : 'handler';
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
function explained(reason: unknown): string {
  const message = messageOf(reason);
  return capText(message + hintFor(message), maxReasonBytes);
}

/** JavaScript's messages for a change of a frozen object, such as `point.fields`. The group is the property. */
const refusedChange =
  /^Cannot (?:add property|assign to read only property|delete property) '?(.+?)'?(?:, object is not extensible| of .+)$/;

/** The message does not name the object; frozen ones are mostly those of a point. */
function hintForFrozen(property: string, message: string): string {
  if (message.endsWith("'#<LazyBatch>'") || /^\d+$/.test(property)) {
    return 'batches and points are immutable: use batch.withPoints([…]) and the like';
  }
  const key = /^[A-Za-z_$][\w$]*$/.test(property) ? property : JSON.stringify(property);
  if (message.startsWith('Cannot delete')) {
    return `points are immutable: use point.withoutFields(${JSON.stringify(property)})`;
  }
  return `points are immutable: use point.withFields({ ${key}: … }), or withTags() for a tag`;
}

/** What to do about an error of JavaScript that authors often get, after a semicolon; empty for other errors. */
function hintFor(message: string): string {
  const refused = refusedChange.exec(message);
  if (refused) return `; ${hintForFrozen(refused[1]!, message)}`;
  if (message.startsWith('Cannot mix BigInt and other types')) {
    return "; an integer field is a bigint: point.number('field') reads any number as a number, 1n is a bigint";
  }
  if (message === 'emit is not a function') {
    return '; the second parameter of a handler is its context: (point, { emit }) => …';
  }
  if (/\bstate\.\S+ is not a function$/.test(message)) {
    return '; a snapshot keeps the data of a state without its classes: keep plain data in it, and functions outside';
  }
  return '';
}

/** Where a handler failed, by its input. */
function placeOf(input: HandlerInput): string {
  if (!input) return '';
  const what = input instanceof LazyBatch ? 'batch' : 'point';
  const { group, time } = input;
  return group === '' ? `on the ${what} at ${time}` : `on the ${what} of group "${group}" at ${time}`;
}
