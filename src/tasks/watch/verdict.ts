import type { Task } from '../../kapacitor/types.js';
import type { Connection } from '../../kapacitor/connections.js';
import { udfsOf } from '../../kapacitor/task-status.js';
import { causeOfDeath } from '../../kapacitor/cause-of-death.js';
import type { PendingRevival } from './revival-journal.js';

/** The fields of a task that a watcher reads. */
export const watchedFields = [
  ...(['id', 'status', 'executing', 'error', 'script', 'stats', 'modified', 'last-enabled'] as const),
] as const;

export type WatchedTask = Pick<Task, (typeof watchedFields)[number]>;

/** What to do with a task. */
export interface Verdict {
  /**
   * - `ignore`: it uses none of the UDFs, or a person has disabled it.
   * - `runs`: nothing to do.
   * - `leave`: it stopped for a reason of its own.
   * - `wait`: it is too early to tell. `report` if a person should know.
   * - `revive`
   */
  readonly action: 'ignore' | 'runs' | 'leave' | 'wait' | 'revive';
  readonly why: string;
  readonly report?: boolean;
}

/** What a verdict is based on, besides the task as Kapacitor shows it. */
export interface Evidence {
  /** Socket paths of the watched UDFs by their names. */
  readonly sockets: ReadonlyMap<string, string>;
  readonly connection: Connection;
  readonly pending: PendingRevival | undefined;
  /** The revision with which its connections were all open. */
  readonly connectedRevision: string | undefined;
  /** The task's `Sighting`, from earlier looks; `undefined` if it was in order at the last one. */
  readonly earlier: Sighting | undefined;
  readonly now: number;
}

/** How a task without its connections looked. */
export interface Sighting {
  readonly revision: string;
  /** Since when it has looked so, in milliseconds. */
  readonly since: number;
  /** Messages that have reached its UDF nodes. */
  readonly collected: number;
}

/**
 * Kapacitor connects to a socket with back-off up to a minute, varied by half. Once the sockets have answered for longer,
 * a task that is still not connected no longer tries to.
 */
const maxDialDelayMs = 95_000;

/** Max difference between the time of a journal entry and Kapacitor's time of the change that followed. */
const pendingToleranceMs = 15_000;

/** Changes whenever a task is changed, enabled or disabled. */
export function revisionOf(task: Pick<Task, 'modified' | 'last-enabled'>): string {
  return `${task.modified ?? ''} ${task['last-enabled'] ?? ''}`;
}

/** Decides about one task. */
export function verdictOn(task: WatchedTask, evidence: Evidence): Verdict {
  const { sockets, connection, pending } = evidence;
  const udfs = udfsOf(task.script);
  if (!udfs.some((udf) => sockets.has(udf))) return { action: 'ignore', why: 'it uses none of the UDFs' };
  if (task.status === 'disabled') {
    return pending !== undefined && isOurs(task, pending)
      ? { action: 'revive', why: 'its revival was interrupted' }
      : { action: 'ignore', why: 'it is disabled' };
  }
  if (!task.executing) return onStopped(task, udfs, evidence);
  if (connection.state !== 'lost') return { action: 'runs', why: connection.reason };
  if (!udfs.every((udf) => sockets.has(udf))) {
    return {
      action: 'wait',
      why: `${connection.reason}; it also uses UDFs that are not watched`,
      report: true,
    };
  }
  return onLost(task, udfs, evidence);
}

/** How a task looks now; `undefined` if it is in order. */
export function sightingOf(task: WatchedTask, { connection, earlier, now }: Evidence): Sighting | undefined {
  if (task.status === 'disabled' || (task.executing && connection.state !== 'lost')) return undefined;
  const revision = revisionOf(task);
  const since = earlier?.revision === revision ? earlier.since : now;
  const collected = nodesCollected(task, udfsOf(task.script)).reduce((sum, count) => sum + count, 0);
  return { revision, since, collected };
}

function onStopped(task: WatchedTask, udfs: readonly string[], { sockets, earlier }: Evidence): Verdict {
  const { kind, udf, socket, reason } = causeOfDeath(task.error, udfs);
  if (kind === 'own') return { action: 'leave', why: reason };
  if (kind === 'unexplained') {
    // Kapacitor stores the error a moment after it has stopped the task.
    return earlier?.revision === revisionOf(task)
      ? { action: 'revive', why: reason }
      : { action: 'wait', why: reason };
  }
  const expected = udf === undefined ? undefined : sockets.get(udf);
  if (expected === undefined) return { action: 'leave', why: `@${udf} is not watched: ${reason}` };
  if (socket !== undefined && socket !== expected) {
    return { action: 'leave', why: `its socket is not ${expected}: ${reason}` };
  }
  return { action: 'revive', why: reason };
}

/**
 * A running task without connections. To disable it is safe unless Kapacitor is still connecting to its sockets, which a
 * node that has taken points, or that was connected before, is not; and unless points flow, which end it by themselves.
 */
function onLost(task: WatchedTask, udfs: readonly string[], evidence: Evidence): Verdict {
  const { connection, earlier, connectedRevision, now } = evidence;
  const { reason } = connection;
  const revision = revisionOf(task);
  if (earlier?.revision !== revision) return { action: 'wait', why: reason };
  const collected = nodesCollected(task, udfs);
  if (earlier.collected !== collected.reduce((sum, count) => sum + count, 0)) {
    return { action: 'wait', why: `${reason}; points still reach it, which end it` };
  }
  const hasTaken = collected.length > 0 && collected.every((count) => count > 0);
  const wasConnected = hasTaken || connectedRevision === revision;
  if (wasConnected || now - earlier.since > maxDialDelayMs) return { action: 'revive', why: reason };
  const why = `${reason}; Kapacitor may still be connecting, and to disable it then can crash Kapacitor`;
  return { action: 'wait', why, report: true };
}

/** How many messages each UDF node has taken since the task was enabled. */
function nodesCollected({ stats }: WatchedTask, udfs: readonly string[]): number[] {
  return Object.entries(stats?.['node-stats'] ?? {}).flatMap(([node, { collected = 0 }]) =>
    udfs.some((udf) => node.startsWith(udf) && /^\d+$/.test(node.slice(udf.length))) ? [collected] : [],
  );
}

/** Whether a disabled task is one that a watcher has disabled. */
function isOurs({ modified = '' }: WatchedTask, { begun, before, disabled }: PendingRevival): boolean {
  if (disabled !== undefined) return disabled === modified;
  const after = Date.parse(modified) - Date.parse(begun);
  return modified !== before && Math.abs(after) <= pendingToleranceMs;
}
