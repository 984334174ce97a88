import { RunKind } from '../../../agent/handler-runs.js';
import { UdfError } from '../../../model/errors.js';
import type { WorkerEnd } from '../worker/worker-end.js';
import { RefusedRuns, runId, type WorkerRun } from './refused-runs.js';

/** What a worker was doing when it ended. */
export type Stage =
  | { readonly kind: 'start' | 'snapshot' | 'restore' | 'stop' | 'idle' }
  /** A handler ran, of the input or in `stop`. */
  | { readonly kind: 'handler'; readonly run: WorkerRun };

/** What follows a worker's end. */
export type Remedy =
  | { readonly kind: 'restart'; readonly delayMs: number }
  /** Start again; the run that has ended the worker is refused from now on. */
  | { readonly kind: 'refuse-run' }
  | { readonly kind: 'refuse-restore' }
  | { readonly kind: 'give-up'; readonly error: UdfError };

/** Ends in the same run of a handler, or in the same step, that are no accident. */
const maxEndsAtOneStep = 2;

/** Ends in the same start or snapshot: nothing but the whole task can be given up there, so more are tried. */
const maxEndsAtOneStart = 5;

/** Ends without any progress in between. */
const maxEndsWithoutProgress = 20;

/** Ends for lack of memory within `memoryWindowMs`: state that grows without bound comes back with the snapshot. */
const maxMemoryEnds = 5;
const memoryWindowMs = 60_000;

const firstDelayMs = 50;
const maxDelayMs = 1_000;

/** Decides what follows each end of a connection's workers. */
export class Faults {
  /** Ends so far, by cause. */
  readonly counts: Record<string, number> = {};
  /** The runs that have ended two workers. */
  readonly refused = new RefusedRuns();
  #lastStep = '';
  #endsAtStep = 0;
  #endsWithoutProgress = 0;
  #lastAcked = -1;
  readonly #memoryEnds: number[] = [];

  /** `acked` is the position up to which all input is handled. */
  remedyFor(end: WorkerEnd, stage: Stage, acked: number, now: number = performance.now()): Remedy {
    this.counts[end.cause] = (this.counts[end.cause] ?? 0) + 1;
    if (end.cause === 'lost') return { kind: 'restart', delayMs: 0 }; // no fault of the UDF, whatever it was doing
    const step = stage.kind === 'handler' ? runId(stage.run) : `${stage.kind} ${acked}`;
    this.#endsAtStep = step === this.#lastStep ? this.#endsAtStep + 1 : 1;
    this.#lastStep = step;
    this.#endsWithoutProgress = acked > this.#lastAcked ? 1 : this.#endsWithoutProgress + 1;
    this.#lastAcked = acked;

    const hopeless = this.#hopeless(end, now);
    if (hopeless !== undefined) return giveUp(end, hopeless);
    if (this.#endsAtStep >= maxEndsAtOneStep) {
      switch (stage.kind) {
        case 'handler':
          if (this.refused.has(stage.run)) break; // not this call but a concurrent one has ended the worker
          this.refused.add(stage.run, `the worker ${end.text}, twice`);
          // A refused run of the input is progress. In `stop`, with a run for each group, it only holds up the end of the task.
          if (stage.run.kind !== RunKind.stop) this.#endsWithoutProgress = 0;
          return { kind: 'refuse-run' };
        case 'restore':
          return { kind: 'refuse-restore' };
        case 'start':
        case 'snapshot':
          // Code that does not load may be about to be replaced: it is tried again until there is no progress.
          if (end.cause === 'load' || this.#endsAtStep < maxEndsAtOneStart) break;
          return giveUp(end, `at the same step (${stage.kind}) ${this.#endsAtStep} times`);
        case 'stop':
        case 'idle':
      }
    }
    const waits = this.#endsWithoutProgress > maxEndsAtOneStep;
    const delayMs = waits
      ? Math.min(maxDelayMs, firstDelayMs * 2 ** (this.#endsWithoutProgress - maxEndsAtOneStep - 1))
      : 0;
    return { kind: 'restart', delayMs };
  }

  #hopeless({ cause }: WorkerEnd, now: number): string | undefined {
    if (this.#endsWithoutProgress >= maxEndsWithoutProgress) {
      return `${this.#endsWithoutProgress} times without progress`;
    }
    if (cause !== 'memory') return undefined;
    this.#memoryEnds.push(now);
    while (this.#memoryEnds[0]! < now - memoryWindowMs) this.#memoryEnds.shift();
    if (this.#memoryEnds.length < maxMemoryEnds) return undefined;
    return `${this.#memoryEnds.length} times within a minute`;
  }
}

/** What follows, for the log. */
export function consequenceOf({ kind }: Exclude<Remedy, { kind: 'give-up' }>): string {
  return {
    restart: 'it is replaced, and the new one continues from its last snapshot',
    'refuse-run': 'for the second time in the same call of a handler, which is left to the error policy',
    'refuse-restore': 'for the second time at the same snapshot, which is not restored',
  }[kind];
}

function giveUp(end: WorkerEnd, howOften: string): Remedy {
  const text = `the worker ${end.text}; ${howOften}`;
  return { kind: 'give-up', error: new UdfError('handler', text, { cause: end.error }) };
}
