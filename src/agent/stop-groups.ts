import type { FailurePolicy } from './failure-policy.js';
import type { Instance } from './instance.js';
import type { Output } from './output.js';
import { TimeSlice } from './state/time-slice.js';

export interface StopContext {
  readonly failures: FailurePolicy;
  readonly output: Output;
  /** Ends the loop early when the connection closes. */
  readonly signal: AbortSignal;
  /** Its first element is incremented before each call. */
  readonly steps: Int32Array | undefined;
}

/**
 * Calls `stop` for each group, one after the other. Yields to the event loop regularly, and waits while Kapacitor does not
 * read. Rejects with errors that end the connection.
 */
export async function stopGroups(
  instance: Instance,
  { failures, output, signal, steps }: StopContext,
): Promise<void> {
  const slice = new TimeSlice();
  for (const group of instance.groupsToStop()) {
    if (steps !== undefined) steps[0]!++;
    const called = failures.guarded(
      () => instance.stop(group),
      undefined,
      () => ` in stop of group "${instance.groupName(group)}"`,
    );
    if (called) await called;
    if (output.blocked) await output.unblocked(signal);
    if (slice.isOver) await slice.pause();
    if (signal.aborted) return;
  }
}
