import type { Logger } from '../../telemetry/logger.js';
import { BrokerError } from './broker-error.js';
import type { Cluster } from './cluster.js';

export interface OtherMembersOptions {
  readonly groupId: string;
  readonly protocolName: string;
  readonly sessionTimeoutMs: number;
  readonly logger: Logger;
}

/**
 * Members of a consumer group that do something else, and keep a member from joining. They are waited for as long as a
 * session: they may have ended without a word.
 */
export class OtherMembers {
  readonly #cluster: Cluster;
  readonly #options: OtherMembersOptions;
  readonly #now: () => number;
  #refusedSince: number | undefined;

  constructor(cluster: Cluster, options: OtherMembersOptions, now: () => number = () => performance.now()) {
    this.#cluster = cluster;
    this.#options = options;
    this.#now = now;
  }

  /** Called when the group has refused the member. Rejects with `INCONSISTENT_GROUP_PROTOCOL`, a `BrokerError`, in the end. */
  async refused(): Promise<void> {
    const { groupId, protocolName, sessionTimeoutMs, logger } = this.#options;
    const isFirst = this.#refusedSince === undefined;
    this.#refusedSince ??= this.#now();
    const isOver = this.#now() - this.#refusedSince > sessionTimeoutMs;
    if (!isFirst && !isOver) return;
    const others = await this.#others();
    const text = `consumer group ${groupId} runs ${others ?? 'another program'}, and this worker is ${JSON.stringify(protocolName)}`;
    if (isOver) throw new BrokerError('INCONSISTENT_GROUP_PROTOCOL', text);
    logger.warn({}, `${text}: waiting for up to ${sessionTimeoutMs} ms for the others to end`);
  }

  /** Called when the member has joined. */
  accepted(): void {
    this.#refusedSince = undefined;
  }

  /** What the others do; `undefined` if no broker tells. */
  async #others(): Promise<string | undefined> {
    const { groupId } = this.#options;
    const { describeGroupsV5 } = this.#cluster.library;
    try {
      const node = await this.#cluster.coordinator('group', groupId);
      const what = `describe group ${groupId}`;
      const { groups } = await this.#cluster.call(node, what, describeGroupsV5.api, [[groupId], false]);
      const name = groups[0]?.protocolData;
      return name === undefined || name === '' ? undefined : JSON.stringify(name);
    } catch {
      return undefined;
    }
  }
}
