import { counted } from '../../model/text.js';

/** What happened to a task, or to Kapacitor itself. Plain data, printed as JSON. */
export type WatchEvent = TaskEvent | OutageEvent;

export interface TaskEvent {
  /**
   * - `revived`: it was enabled again and runs.
   * - `failed`: it was enabled again and does not run, or Kapacitor refused.
   * - `gave-up`: the limit of attempts is reached.
   * - `waiting`: it needs revival, which would not be safe now.
   * - `left`: it stopped for a reason of its own, and is left alone.
   * - `would-revive`: in a dry run.
   */
  readonly event: 'revived' | 'failed' | 'gave-up' | 'waiting' | 'left' | 'would-revive';
  /** The URL of Kapacitor. */
  readonly kapacitor: string;
  readonly task: string;
  readonly why: string;
  /** The number of the attempt within the window of the limit. */
  readonly attempt?: number;
  /** Why an attempt failed. */
  readonly result?: string;
  /** How long a revival took. */
  readonly ms?: number;
  /** In RFC 3339. */
  readonly nextAttempt?: string;
}

export interface OutageEvent {
  readonly event: 'outage' | 'outage-over';
  readonly kapacitor: string;
  readonly why?: string;
  /** How long the outage lasted. */
  readonly ms?: number;
}

/** An event as one sentence. */
export function eventText(event: WatchEvent): string {
  const { event: kind, kapacitor, why = '', ms = 0 } = event;
  if (kind === 'outage') return `waits for Kapacitor: ${why}`;
  if (kind === 'outage-over') return `Kapacitor at ${kapacitor} answers again after ${seconds(ms)}`;
  const { task, attempt = 1, result = '', nextAttempt = '' } = event as TaskEvent; // the other kinds have returned
  switch (kind) {
    case 'revived':
      return `task ${task} runs again after attempt ${attempt}, which took ${ms} ms: ${why}`;
    case 'failed':
      return `task ${task} does not run after attempt ${attempt}: ${result}; it had stopped: ${why}; next attempt at ${nextAttempt}`;
    case 'gave-up':
      return `task ${task} is given up after ${counted(attempt, 'attempt')}: ${why}; next attempt at ${nextAttempt}, or once the task is changed`;
    case 'waiting':
      return `task ${task} is not enabled again yet: ${why}`;
    case 'left':
      return `task ${task} is left stopped, for a reason of its own: ${why}`;
    case 'would-revive':
      return `task ${task} would be enabled again: ${why}`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
