import type { KapacitorApi } from '../../kapacitor/api.js';
import type { TaskConnections } from '../../kapacitor/connections.js';
import type { AttemptLimits } from './attempts.js';
import type { RevivalJournal } from './revival-journal.js';
import type { ReviveApi } from './revive-task.js';
import type { WatchEvent } from './watch-event.js';

export interface WatcherOptions {
  readonly api: ReviveApi & Pick<KapacitorApi, 'taskFields'>;
  /** Socket paths of the UDFs by their names; called in each round. */
  readonly sockets: () => ReadonlyMap<string, string>;
  /** Rejects unless a UDF answers on the socket. */
  readonly probe: (socket: string) => Promise<unknown>;
  readonly connections: TaskConnections;
  readonly journal: RevivalJournal;
  readonly report: (event: WatchEvent) => Promise<void> | void;
  readonly dryRun?: boolean;
  /** Time between two rounds while all is well. */
  readonly intervalMs?: number;
  readonly limits?: Partial<AttemptLimits>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly random?: () => number;
}
