import type { Agent } from '../agent/agent.js';
import {
  type AgentStats,
  endedStats,
  noStats,
  notBelow,
  sumOfStats,
  type TaskUse,
  type UdfStats,
  type UseStats,
} from '../model/statistics.js';
import { capText } from '../model/text.js';

/** The connection of an agent, as statistics see it. */
export type CountedAgent = Pick<Agent, 'use' | 'stats'>;

interface OpenConnection {
  readonly udf: string;
  reported: AgentStats;
}

/** Max ended uses that are listed one by one. */
const maxEndedUses = 1_000;

/** Max bytes of a task's or node's name: names are labels of metrics. */
const maxNameBytes = 256;

/** Where connections are counted that are no use of a UDF in a task. */
const noUse: TaskUse = { task: '', node: '' };

/**
 * The statistics of a host's connections, by UDF, task and node.
 *
 * Counters of a use continue when its task is enabled again. The use that ended first is no longer listed when there are too
 * many: its counters are added to those of the UDF's connections that belong to no use.
 */
export class UseStatistics {
  readonly #open = new Map<CountedAgent, OpenConnection>();
  /** Ended connections by use, in the order of their end. Its size is bounded. */
  readonly #ended = new Map<string, UseStats>();

  opened(agent: CountedAgent, udf: string): void {
    this.#open.set(agent, { udf, reported: noStats });
  }

  /** The UDF of an open connection. */
  udfOf(agent: CountedAgent): string | undefined {
    return this.#open.get(agent)?.udf;
  }

  closed(agent: CountedAgent): void {
    const connection = this.#open.get(agent);
    if (!connection) return;
    this.#open.delete(agent);
    this.#addEnded(connection.udf, agent.use ?? noUse, endedStats(reportable(agent, connection)));
    this.#forgetOldest();
  }

  /** Statistics of each use, those without a task included. */
  uses(): UseStats[] {
    const uses = new Map(this.#ended);
    for (const [agent, connection] of this.#open) {
      add(uses, connection.udf, agent.use ?? noUse, reportable(agent, connection), 1);
    }
    return [...uses.values()];
  }

  #addEnded(udf: string, use: TaskUse, stats: AgentStats): void {
    const key = add(this.#ended, udf, use, stats, 0);
    const entry = this.#ended.get(key)!; // has just been added
    this.#ended.delete(key);
    this.#ended.set(key, entry); // now the last
  }

  #forgetOldest(): void {
    if (this.#ended.size <= maxEndedUses) return;
    const open = new Set(Array.from(this.#open, ([{ use }, { udf }]) => keyOf(udf, named(use ?? noUse))));
    for (const [key, { udf, task, node, stats }] of this.#ended) {
      if (open.has(key) || (task === '' && node === '')) continue;
      this.#ended.delete(key);
      this.#addEnded(udf, noUse, stats);
      return;
    }
  }
}

/** An agent's statistics, with counters that never decrease from one report to the next. */
function reportable({ stats }: CountedAgent, connection: OpenConnection): AgentStats {
  const isReplaced = Object.keys(stats.restarts).length > 0; // only then may a worker count again
  connection.reported = isReplaced ? notBelow(stats, connection.reported) : stats;
  return connection.reported;
}

/** The statistics of each of these UDFs, over all of its uses. */
export function statsByUdf(udfs: Iterable<string>, uses: readonly UseStats[]): UdfStats[] {
  return Array.from(udfs, (udf) => {
    const own = uses.filter((use) => use.udf === udf);
    return {
      udf,
      connections: own.reduce((sum, { connections }) => sum + connections, 0),
      stats: own.reduce((sum, { stats }) => sumOfStats(sum, stats), noStats),
    };
  });
}

function add(
  uses: Map<string, UseStats>,
  udf: string,
  use: TaskUse,
  stats: AgentStats,
  connections: number,
): string {
  const { task, node } = named(use);
  const key = keyOf(udf, { task, node });
  const known = uses.get(key);
  uses.set(key, {
    udf,
    task,
    node,
    connections: (known?.connections ?? 0) + connections,
    stats: known ? sumOfStats(known.stats, stats) : stats,
  });
  return key;
}

function named({ task, node }: TaskUse): TaskUse {
  return { task: capText(task, maxNameBytes), node: capText(node, maxNameBytes) };
}

function keyOf(udf: string, { task, node }: TaskUse): string {
  return JSON.stringify([udf, task, node]);
}
