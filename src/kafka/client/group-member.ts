import { messageOf } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import { BrokerError, hasCode, isRetriable } from './broker-error.js';
import type { Cluster } from './cluster.js';
import { assignGroup } from './group-leader.js';
import { decodeAssignment, encodeSubscription } from './group-protocol.js';
import { OtherMembers } from './other-members.js';
import { partitionKey, type TopicPartition } from './requests.js';
import { type GroupIdentity, isExpelled } from './transactional-producer.js';

export interface GroupMemberOptions {
  readonly groupId: string;
  /** What the member does: brokers refuse members of one group whose names differ. */
  readonly protocolName: string;
  readonly topics: readonly string[];
  /** After this time without a heartbeat the member is excluded. */
  readonly sessionTimeoutMs: number;
  /** How long a member may take to give partitions up. */
  readonly rebalanceTimeoutMs: number;
  readonly logger: Logger;
  /** These partitions are the member's from now on. */
  assigned(this: void, partitions: readonly TopicPartition[]): void;
  /** Gives partitions up, in order: no other member gets them before this resolves. Never rejects. */
  revoke(this: void, partitions: readonly TopicPartition[]): Promise<void>;
  /** All partitions may belong to others already. */
  lost(this: void): void;
}

const protocolType = 'consumer';
const heartbeatsPerSession = 4;
const maxHeartbeatMs = 1_000;
const retryMs = 200;
const relogMs = 10_000;

type JoinResult = 'joined' | 'again';

/**
 * A member of a consumer group, by Kafka's classic protocol. Rebalances are cooperative: a member keeps what it owns while
 * the group is assigned anew, and gives up only what moves to others.
 */
export class GroupMember {
  readonly #cluster: Cluster;
  readonly #options: GroupMemberOptions;
  #memberId = '';
  #generation = -1;
  #owned: readonly TopicPartition[] = [];
  /** Whether the generation is known: not while the member joins, nor once heartbeats are not answered for too long. */
  #isStable = false;
  #isUnanswered = false;
  #hasEnded = false;
  readonly #waiting: (() => void)[] = [];
  readonly #otherMembers: OtherMembers;
  #lastHeartbeat = 0;
  #logged = { text: '', at: 0 };
  #isStopping = false;
  #isOutdated = false;
  #wake: (() => void) | undefined;

  constructor(cluster: Cluster, options: GroupMemberOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#otherMembers = new OtherMembers(cluster, options);
  }

  /** Whether no heartbeat was answered for the time of a session: others may have its partitions. */
  get isUnanswered(): boolean {
    return this.#isUnanswered;
  }

  /** The member as it is to commit offsets; waits while the group is assigned anew. Rejects once it has stopped. */
  readonly identity = async (): Promise<GroupIdentity> => {
    while (!this.#isStable) {
      if (this.#hasEnded) throw new BrokerError('NOT_A_MEMBER', 'the worker has left its consumer group');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return { groupId: this.#options.groupId, memberId: this.#memberId, generation: this.#generation };
  };

  /** Takes part until `stop`. Rejects with a `BrokerError` that is not retriable, such as missing rights. */
  async run(): Promise<void> {
    try {
      while (!this.#isStopping) {
        if ((await this.#attempt(() => this.#join())) === 'joined') await this.#stay();
      }
    } finally {
      this.#hasEnded = true;
      this.#wakeWaiting();
    }
  }

  /** Makes the group assign its partitions again, after a topic has got more of them. */
  rejoin(): void {
    this.#isOutdated = true;
    this.#wake?.();
  }

  /** Ends `run`, after what is under way. */
  stop(): void {
    this.#isStopping = true;
    this.#wake?.();
  }

  /** Leaves the group, so that its partitions are assigned to others at once. To be called after `run` has ended. */
  async leave(): Promise<void> {
    const { groupId } = this.#options;
    if (this.#memberId === '' || this.#cluster.signal.aborted) return;
    try {
      const { leaveGroupV4 } = this.#cluster.library;
      const node = await this.#cluster.coordinator('group', groupId);
      const members = [{ memberId: this.#memberId, groupInstanceId: null }];
      await this.#cluster.call(node, `leave group ${groupId}`, leaveGroupV4.api, [groupId, members], 'group');
    } catch (reason) {
      this.#options.logger.warn({}, `the group is left by time-out: ${messageOf(reason)}`);
    }
  }

  /** Tries to join. Resolves to `again` after an error that is retriable or means that the member must join again. */
  async #attempt(work: () => Promise<JoinResult>): Promise<JoinResult> {
    try {
      return await work();
    } catch (reason) {
      if (this.#isStopping) return 'again';
      if (isExpelled(reason)) this.#lose();
      else if (hasCode(reason, 'INCONSISTENT_GROUP_PROTOCOL')) {
        await this.#otherMembers.refused();
        await this.#pause(maxHeartbeatMs);
      } else if (!hasCode(reason, 'REBALANCE_IN_PROGRESS')) {
        if (!isRetriable(reason)) throw reason;
        this.#cluster.forget();
        this.#log(reason, 'cannot join the consumer group yet');
        await this.#pause(retryMs);
      }
      return 'again';
    }
  }

  async #join(): Promise<JoinResult> {
    this.#isStable = false;
    const { groupId, protocolName, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    const { joinGroupV7 } = this.#cluster.library;
    const node = await this.#cluster.coordinator('group', groupId);
    const metadata = encodeSubscription({ topics, owned: this.#owned, generation: this.#generation });
    const args = [sessionTimeoutMs, rebalanceTimeoutMs] as const;
    const protocols = [{ name: protocolName, metadata }];
    const join = () =>
      this.#cluster.call(
        node,
        `join group ${groupId}`,
        joinGroupV7.api,
        [groupId, ...args, this.#memberId, null, protocolType, protocols],
        'group',
      );
    const joined = await join().catch((reason: unknown) => {
      if (!hasCode(reason, 'MEMBER_ID_REQUIRED')) throw reason;
      const { memberId } = (reason as BrokerError).response as { readonly memberId: string }; // of a `joinGroupV7`
      this.#memberId = memberId;
      return join();
    });
    this.#memberId = joined.memberId ?? this.#memberId;
    this.#otherMembers.accepted();
    const isLeader = joined.leader === this.#memberId;
    const assignments = isLeader ? await assignGroup(this.#cluster, joined.members) : [];
    const { syncGroupV5 } = this.#cluster.library;
    const { assignment } = await this.#cluster.call(
      node,
      `sync group ${groupId}`,
      syncGroupV5.api,
      [groupId, joined.generationId, this.#memberId, null, protocolType, joined.protocolName, assignments],
      'group',
    );
    this.#generation = joined.generationId;
    this.#answered();
    return this.#take(decodeAssignment(assignment));
  }

  /** Takes an assignment over. `again` if partitions were given up, which the group is to assign to others. */
  async #take(assigned: readonly TopicPartition[]): Promise<JoinResult> {
    const before = new Set(this.#owned.map(partitionKey));
    const after = new Set(assigned.map(partitionKey));
    const revoked = this.#owned.filter((partition) => !after.has(partitionKey(partition)));
    const added = assigned.filter((partition) => !before.has(partitionKey(partition)));
    const { logger, revoke } = this.#options;
    logger.info(
      {
        generation: this.#generation,
        partitions: assigned.length,
        added: added.length,
        revoked: revoked.length,
      },
      'the group is assigned',
    );
    this.#owned = assigned;
    if (added.length > 0) this.#options.assigned(added);
    if (revoked.length === 0) return 'joined';
    const progress = { isGivenUp: false };
    const given = revoke(revoked).finally(() => {
      progress.isGivenUp = true;
      this.#wake?.();
    });
    // A member that is slow to give up must not be taken for dead.
    while (!progress.isGivenUp && !this.#isStopping && (await this.#heartbeat()) !== 'lost') {
      await this.#pause(this.#heartbeatMs, () => progress.isGivenUp);
    }
    await given;
    return 'again';
  }

  /** Sends heartbeats until the group is to be joined anew. */
  async #stay(): Promise<void> {
    for (;;) {
      await this.#pause(this.#heartbeatMs);
      if (this.#isOutdated) {
        this.#isOutdated = false;
        return;
      }
      if (this.#isStopping || (await this.#heartbeat()) !== 'ok') return;
    }
  }

  async #heartbeat(): Promise<'ok' | 'rebalance' | 'lost'> {
    const { groupId, sessionTimeoutMs } = this.#options;
    const { heartbeatV4 } = this.#cluster.library;
    try {
      const node = await this.#cluster.coordinator('group', groupId);
      const args = [groupId, this.#generation, this.#memberId, null] as const;
      await this.#cluster.call(node, `heartbeat of group ${groupId}`, heartbeatV4.api, [...args], 'group');
      this.#answered();
      return 'ok';
    } catch (reason) {
      if (hasCode(reason, 'REBALANCE_IN_PROGRESS')) {
        this.#isUnanswered = false;
        return 'rebalance';
      }
      if (isExpelled(reason)) {
        this.#lose();
        return 'lost';
      }
      if (!isRetriable(reason)) throw reason;
      // A new coordinator knows the members, and begins their sessions anew: none has to join again.
      if (performance.now() - this.#lastHeartbeat > sessionTimeoutMs) {
        this.#isStable = false;
        this.#isUnanswered = true;
      }
      this.#cluster.forget();
      this.#log(reason, 'no heartbeat');
      return 'ok';
    }
  }

  #answered(): void {
    this.#lastHeartbeat = performance.now();
    this.#isUnanswered = false;
    this.#isStable = true;
    this.#wakeWaiting();
  }

  /** Logs why an attempt is repeated, at intervals. Brokers that do not answer are reported once for all requests. */
  #log(reason: unknown, message: string): void {
    const text = `${message}: ${messageOf(reason)}`;
    const now = performance.now();
    if (text === this.#logged.text && now - this.#logged.at < relogMs) return;
    this.#logged = { text, at: now };
    this.#options.logger[hasCode(reason, 'NETWORK') ? 'debug' : 'warn']({}, text);
  }

  get #heartbeatMs(): number {
    return Math.min(this.#options.sessionTimeoutMs / heartbeatsPerSession, maxHeartbeatMs);
  }

  #lose(): void {
    this.#isStable = false;
    this.#memberId = '';
    this.#generation = -1;
    this.#owned = [];
    this.#options.logger.warn({}, 'the worker was excluded from its consumer group; it joins again');
    this.#options.lost();
  }

  #wakeWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Waits, but not after `stop`, nor if `isOver`. */
  #pause(ms: number, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isStopping || isOver()) {
        resolve();
        return;
      }
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
