import { UdfError } from '../model/errors.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { Counters } from './counters.js';
import type { Instance } from './instance.js';
import type { Limits } from './limits.js';
import { type Revision, snapshotRevision } from './state/header.js';
import { readSnapshot, type Snapshot, type SnapshotStage, writeSnapshot } from './state/snapshot.js';
import type { Stages } from './stages/stages.js';
import type { RunningState } from './state-keeper.js';

export interface InstanceStateOptions {
  readonly definition: UdfDefinition;
  readonly instance: Instance;
  readonly stages: Stages;
  readonly counters: Counters;
  readonly limits: Limits;
  /** All snapshots are newer than this one. */
  readonly newerThan: Revision | undefined;
  readonly logger: Logger;
}

/** The state of an instance in this thread. Each snapshot is newer than the ones before it and than any restored one. */
export class InstanceState implements RunningState {
  readonly #options: InstanceStateOptions;
  #revision: Revision = { epoch: 0, run: Date.now(), sequence: 0 };

  constructor(options: InstanceStateOptions) {
    this.#options = options;
    this.#supersede(options.newerThan);
  }

  get isStateful(): boolean {
    const { definition, instance, stages } = this.#options;
    return definition.handlers.state !== undefined || instance.timers !== undefined || stages.isActive;
  }

  get groups(): number {
    return this.#options.instance.groups.size;
  }

  get inputCount(): number {
    const { counters, instance } = this.#options;
    return counters.pointsIn + counters.batchesIn + (instance.timers?.fired ?? 0);
  }

  snapshot(): Promise<Snapshot> {
    this.#revision = { ...this.#revision, sequence: this.#revision.sequence + 1 };
    const { snapshotOwner, groups } = this.#options.instance;
    return writeSnapshot(
      snapshotOwner,
      groups,
      this.#options.limits.snapshotBytes,
      this.#revision,
      this.#stages,
    );
  }

  async replace(snapshot: Uint8Array): Promise<'restored' | 'fresh' | UdfError> {
    const { groups, snapshotOwner } = this.#options.instance;
    const revision = snapshotRevision(snapshot);
    if (!(revision instanceof UdfError)) this.#supersede(revision);
    this.#clear();
    try {
      const changes = await readSnapshot(snapshotOwner, groups, snapshot, this.#stages);
      if (changes.length === 0) return 'restored';
      const what = `the state depends on options that have changed since the snapshot: ${changes.join(', ')}`;
      this.#options.logger.warn({}, capText(`${snapshotOwner.name}: ${what}; starting with fresh state`));
      return 'fresh';
    } catch (reason) {
      this.#clear();
      return UdfError.from(reason);
    }
  }

  get #stages(): readonly SnapshotStage[] {
    return this.#options.stages.snapshots;
  }

  #clear(): void {
    this.#options.instance.groups.clear();
    for (const stage of this.#stages) stage.clear();
  }

  #supersede(revision: Revision | undefined): void {
    if (!revision) return;
    const { epoch, run, sequence } = this.#revision;
    this.#revision = {
      epoch: Math.max(epoch, revision.epoch),
      run: Math.max(run, revision.run + 1),
      sequence,
    };
  }
}
