import type { FailurePolicy } from './failure-policy.js';
import { type HandlerRuns, RunKind } from './handler-runs.js';
import type { Instance } from './instance.js';
import type { Output } from './output.js';
import { TimeSlice } from './state/time-slice.js';

export interface StopContext {
  readonly failures: FailurePolicy;
  readonly output: Output;
  /** Ends the loop early when the connection closes. */
  readonly signal: AbortSignal;
  readonly runs: HandlerRuns | undefined;
}

/**
 * Calls `stop` for each group, one after the other. Yields to the event loop regularly, and waits while Kapacitor does not
 * read. Rejects with errors that end the connection.
 */
export async function stopGroups(
  instance: Instance,
  { failures, output, signal, runs }: StopContext,
): Promise<void> {
  const slice = new TimeSlice();
  for (const group of instance.groupsToStop()) {
    const called = failures.guarded(
      () => {
        runs?.begin(RunKind.stop, group);
        return instance.stop(group);
      },
      undefined,
      () => `in stop of group "${instance.groupName(group)}"`,
    );
    if (called) await called;
    if (output.blocked) await output.unblocked(signal);
    if (slice.isOver) await slice.pause();
    if (signal.aborted) return;
  }
}
