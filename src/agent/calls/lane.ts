import type { DeadLetters } from '../../model/dead-letters.js';
import { UdfError } from '../../model/errors.js';
import type { UdfDefinition } from '../../udf/definition.js';
import { LazyBatch } from '../../wire/lazy-batch.js';
import type { LazyPoint } from '../../wire/point/lazy-point.js';
import type { FailurePolicy } from '../failure-policy.js';
import type { HandlerRuns } from '../handler-runs.js';
import type { Instance } from '../instance.js';
import type { MaybePromise } from '../interface.js';
import type { Output } from '../output.js';
import { type EmitFailures, OutputGuard } from '../output-guard.js';
import { CallOutput, type HeldOutput, type HeldTotal } from './call-output.js';

export type CallInput = LazyPoint | LazyBatch;

export interface LaneOptions {
  readonly definition: UdfDefinition;
  /** Has the options, and the state of each group. */
  readonly instance: Instance;
  readonly failures: FailurePolicy;
  readonly runs?: HandlerRuns | undefined;
  readonly deadLetters?: DeadLetters | undefined;
  /** Starts the host's time limit of one call. */
  readonly startTimeLimit: () => NodeJS.Timeout | undefined;
  readonly output: Output;
  readonly total: HeldTotal;
  readonly batchBytes: number;
  /** Aborts at the end of the connection. */
  readonly signal: AbortSignal;
  readonly emitFailures: EmitFailures;
}

/** Runs calls of a handler one after the other, with a context of its own; calls in several lanes overlap. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #instance: Instance;
  readonly #failures: FailurePolicy;
  /** The handlers' guard. It is cut off when a call takes too long, since nothing can stop the handler. */
  readonly #guard: OutputGuard;
  readonly #output: CallOutput;
  /** The error policy's guard. */
  readonly #policyGuard: OutputGuard;
  readonly #policyOutput: CallOutput;
  #held: HeldOutput | undefined;
  /** Created when the handler asks for its signal. */
  #controller: AbortController | undefined;
  #isRunning = false;
  /** Why the current call was aborted. */
  #aborted: { readonly reason: unknown } | undefined;

  constructor(options: LaneOptions) {
    const { definition, instance, failures, output, total, batchBytes, signal, emitFailures } = options;
    this.#options = options;
    this.#output = new CallOutput(output, total);
    this.#policyOutput = new CallOutput(output, total);
    this.#guard = new OutputGuard(definition, this.#output, batchBytes, signal, {
      refuse: (reason) => {
        // A limit ends the connection even if the author's code catches the error.
        if (!this.#isRunning || isLimit(reason)) emitFailures.refuse(reason);
        if (this.#isRunning) throw reason;
      },
      late: () => {
        emitFailures.late();
      },
    });
    this.#policyGuard = new OutputGuard(definition, this.#policyOutput, batchBytes, signal, emitFailures);
    this.#failures = failures.forGuard(this.#policyGuard, {
      deadLetters: this.#letters(options.deadLetters),
      startTimeLimit: options.startTimeLimit,
    });
    this.#instance = instance.lane(this.#guard, () => this.#signal);
  }

  /** Whether a call has taken too long: its handler still has the lane's context. */
  get isAbandoned(): boolean {
    return this.#output.isCutOff;
  }

  /**
   * Calls the handler, and applies the error policy to what it throws. `held` holds its output back; `run` is the
   * number for `HandlerRuns.beginPoint`. Throws, or rejects with, errors that end the connection.
   */
  run(input: CallInput, held: HeldOutput | undefined, run: number): MaybePromise {
    this.#held = held;
    this.#output.begin(held);
    this.#policyOutput.begin(held);
    this.#controller = this.#aborted = undefined;
    this.#isRunning = true;
    try {
      const called = this.#failures.guarded(() => {
        this.#options.runs?.beginPoint(run);
        return this.#call(input);
      }, input);
      if (called) {
        return called.finally(() => {
          this.#isRunning = false;
        });
      }
    } catch (reason) {
      this.#isRunning = false;
      throw reason;
    }
    this.#isRunning = false;
    return undefined;
  }

  /** Aborts the current call's signal. */
  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }

  get #signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#options.signal.aborted) this.#controller.abort(this.#options.signal.reason);
      else if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  #call(input: CallInput): MaybePromise {
    const called = input instanceof LazyBatch ? this.#batch(input) : this.#instance.point(input);
    const { callTimeoutMs } = this.#options.definition;
    return called === undefined || callTimeoutMs === undefined
      ? called
      : this.#limited(called, callTimeoutMs);
  }

  #batch(batch: LazyBatch): MaybePromise {
    this.#guard.setInputBatch(batch);
    this.#policyGuard.setInputBatch(batch);
    return this.#instance.batch(batch);
  }

  /** Rejects with `handler_timeout` if a call takes longer. Does not count while its output waits. */
  #limited(called: Promise<void>, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        if (this.#output.blocked) {
          timer.refresh();
          return;
        }
        const error = new UdfError('handler_timeout', `the call took longer than ${ms} ms (callTimeoutMs)`);
        this.#output.cutOff();
        this.abort(error);
        reject(error);
      }, ms);
      called.then(resolve, reject).finally(() => {
        clearTimeout(timer);
      });
    });
  }

  /** Dead letters are in the order of the output. */
  #letters(deadLetters: DeadLetters | undefined): DeadLetters | undefined {
    if (!deadLetters) return undefined;
    return {
      add: (use, letter) => {
        const add = (): void => {
          deadLetters.add(use, letter);
        };
        if (this.#held) this.#held.holdReport(letter.frames.length, add);
        else add();
      },
    };
  }
}

function isLimit(reason: unknown): boolean {
  return reason instanceof UdfError && reason.code === 'limit';
}
