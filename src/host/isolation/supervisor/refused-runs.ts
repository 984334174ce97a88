import type { HandlerRun, RefusedRun } from '../../../agent/handler-runs.js';
import { RunKind } from '../../../agent/handler-runs.js';

/** A run of a handler in a worker that started with the state at the position `base` of the input. */
export interface WorkerRun extends HandlerRun {
  readonly base: number;
}

/** Identifies a run across workers. */
export function runId({ kind, number, base }: WorkerRun): string {
  return kind === RunKind.frame ? `frame to ${base + number}` : `run ${kind}:${number} from ${base}`;
}

/** The runs of handlers that have ended two workers, and are refused by all later ones. */
export class RefusedRuns {
  #runs: (WorkerRun & RefusedRun)[] = [];

  add(run: WorkerRun, reason: string): void {
    this.#runs.push({ ...run, reason });
  }

  has(run: WorkerRun): boolean {
    const id = runId(run);
    return this.#runs.some((refused) => runId(refused) === id);
  }

  /** Those that a worker started with the state at `base` may repeat, with their numbers there. */
  from(base: number): RefusedRun[] {
    return this.#runs
      .filter(({ kind, base: old }) => kind === RunKind.frame || old === base)
      .map(({ kind, number, base: old, reason }) => {
        return { kind, number: kind === RunKind.frame ? old + number - base : number, reason };
      });
  }

  /** Forgets the runs that no worker repeats any more: each starts with the state at `base` or a later one. */
  release(base: number): void {
    this.#runs = this.#runs.filter(({ kind, number, base: old }) =>
      kind === RunKind.frame ? old + number > base : old === base,
    );
  }
}
