import { dirname, join, resolve } from 'node:path';
import type { Host } from '../../host/host-options.js';
import type { ServedSocket } from '../../host/socket-host.js';
import type { HostCompanion } from '../../host/run-host.js';
import { KapacitorApi } from '../../kapacitor/api.js';
import type { KapacitorTarget } from '../../kapacitor/target.js';
import { messageOf, UdfError } from '../../model/errors.js';
import { probeSocket } from '../../peer/probe-socket.js';
import type { Logger } from '../../telemetry/logger.js';
import { type TaskConnections, taskConnections } from '../../kapacitor/connections.js';
import { hostConnections } from './host-connections.js';
import { RevivalJournal } from './revival-journal.js';
import { TaskWatcher, type WatchCounts } from './task-watcher.js';
import { eventText, type WatchEvent } from './watch-event.js';

export interface HostWatchersOptions {
  /** The host in whose process they run. */
  readonly host: Pick<Host, 'stats' | 'countEvent'>;
  readonly sockets: readonly ServedSocket[];
  /** The Kapacitors whose tasks are watched. */
  readonly kapacitors: readonly KapacitorTarget[];
  readonly logger: Logger;
  /** Kapacitor's configuration file, if it is known. */
  readonly config?: string | undefined;
  /** Where to keep the journal of revivals; beside the first socket if not given. */
  readonly stateDirectory?: string | undefined;
}

/** A watcher for each Kapacitor of a host. */
export interface HostWatchers extends HostCompanion {
  /** Counters since the start, over all Kapacitors. */
  readonly counts: Readonly<WatchCounts>;
}

const probeTimeoutMs = 2_000;

/** Watches the tasks of a host's Kapacitors, and revives those that have lost it. Each revival is a line of the log. */
export function createHostWatchers(options: HostWatchersOptions): HostWatchers {
  const { logger } = options;
  const watchers = createWatchers(options);
  return {
    start() {
      for (const watcher of watchers) {
        watcher.start().catch((reason: unknown) => {
          const err = UdfError.from(reason);
          logger.error({ code: err.code, err }, `tasks are no longer watched: ${err.message}`);
        });
      }
    },
    async stop() {
      await Promise.all(watchers.map((watcher) => watcher.stop()));
    },
    get counts() {
      const total: WatchCounts = { revived: 0, failed: 0, gaveUp: 0 };
      for (const { counts } of watchers) {
        total.revived += counts.revived;
        total.failed += counts.failed;
        total.gaveUp += counts.gaveUp;
      }
      return total;
    },
  };
}

function createWatchers(options: HostWatchersOptions): TaskWatcher[] {
  const { host, kapacitors, logger, config } = options;
  const sockets = new Map(options.sockets.map(({ udf, path }) => [udf.name, resolve(path)]));
  const journal = new RevivalJournal(journalFile(options), (problem) => {
    logger.warn({}, problem);
  });
  return kapacitors.map((target) => {
    const api = new KapacitorApi(target);
    logger.info({ kapacitor: api.url }, `the tasks of ${api.url} are watched`);
    return new TaskWatcher({
      api,
      journal,
      sockets: () => sockets,
      probe: (socket) => probeSocket(socket, probeTimeoutMs),
      connections: hostConnections({
        uses: () => host.stats.uses,
        udfs: new Set(sockets.keys()),
        machine: tolerant(taskConnections(api.url, { config })),
        isOnlyKapacitor: kapacitors.length === 1,
      }),
      report: (event) => {
        log(logger, event);
        host.countEvent(eventNames[event.event]);
      },
    });
  });
}

function journalFile({ stateDirectory, sockets: [first] }: HostWatchersOptions): string | undefined {
  if (stateDirectory !== undefined) return join(stateDirectory, 'revivals.json');
  return first && join(dirname(resolve(first.path)), '.revivals.json');
}

/** Connections are `unknown` where they cannot be inspected, a configuration file that has become unreadable included. */
function tolerant(connections: TaskConnections): TaskConnections {
  return (tasks) => {
    try {
      return connections(tasks);
    } catch (reason) {
      return () => ({ state: 'unknown', reason: messageOf(reason) });
    }
  };
}

/** The events in the host's statistics and metrics. */
const eventNames: Readonly<Record<WatchEvent['event'], string>> = {
  revived: 'task_revived',
  failed: 'task_revival_failed',
  'gave-up': 'task_given_up',
  waiting: 'task_revival_postponed',
  left: 'task_left_stopped',
  'would-revive': 'task_would_be_revived',
  outage: 'kapacitor_outage',
  'outage-over': 'kapacitor_outage_over',
};

function log(logger: Logger, event: WatchEvent): void {
  const { event: kind, ...details } = event;
  const isGood = kind === 'revived' || kind === 'outage-over';
  logger[isGood ? 'info' : 'warn']({ event: kind, ...details }, eventText(event));
}
