import { UdfError } from '../model/errors.js';
import {
  assertStateOf,
  ChangelogReader,
  type ChangelogRecord,
  decodeMetadata,
  encodeMetadata,
  type PartitionSnapshot,
  type RestoredPartition,
  snapshotRecords,
  type Step,
  stepRecord,
} from './changelog.js';
import { BatchBuilder } from './client/record-batch.js';
import type { PartitionCounters } from './partition-counters.js';
import type { PartitionStore } from './partition-store.js';

export interface StateChangelogOptions {
  /** The name of the UDF that has the state. */
  readonly udf: string;
  readonly store: Pick<PartitionStore, 'readChangelog' | 'writeChangelog'>;
  /** Min time between snapshots of a state that is not small. */
  readonly snapshotIntervalMs: number;
  readonly counters: Pick<PartitionCounters, 'snapshots' | 'snapshotBytes'>;
}

/** States up to this size are written with each transaction: a record of the transaction alone would not cost less. */
const smallStateBytes = 16 * 1024;
/** Min time between snapshots, as a multiple of the time that one takes. */
const snapshotSpacing = 20;
/** Max transactions to repeat. */
const maxSteps = 10_000;
/** Max bytes of a batch of records; one record may be larger. */
const maxBatchBytes = 600 * 1024;

/**
 * Keeps a partition's state in its changelog topic.
 *
 * A snapshot at each commit would cost as much as the state is large. So snapshots are written at intervals, and each
 * transaction in between adds a step: how far it went and what time it was. The next owner of the partition restores the
 * snapshot and repeats the steps from the input.
 */
export class StateChangelog {
  readonly #options: StateChangelogOptions;
  /** The newest snapshot; `undefined` before the first. */
  #snapshot: { readonly id: bigint; readonly at: number; readonly chunks: number } | undefined;
  #steps = 0;
  #isSmall = true;
  #snapshotAt = -Infinity;
  #snapshotMs = 0;

  constructor(options: StateChangelogOptions) {
    this.#options = options;
  }

  /** Transactions since the newest snapshot. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Reads the state of a partition whose input before `committed` is processed; `metadata` is that of the offset. Resolves
   * to undefined if no worker has committed the offset. Rejects with `snapshot_truncated`, `snapshot_damaged`,
   * `snapshot_newer` and `snapshot_foreign` for a changelog that cannot be used, and with a `BrokerError`.
   */
  async read(committed: number, metadata: string): Promise<RestoredPartition | undefined> {
    const at = committed < 0 ? undefined : decodeMetadata(metadata);
    if (at === undefined) return undefined;
    const reader = new ChangelogReader();
    await this.#options.store.readChangelog(at, (value) => {
      reader.add(value);
    });
    const restored = reader.finish(committed);
    const { snapshot, chunks, steps } = restored;
    assertStateOf(this.#options.udf, snapshot.state);
    this.#noteSnapshot(snapshot, at, chunks);
    this.#steps = steps.length;
    return restored;
  }

  /**
   * Writes a transaction: as a snapshot if one is due or `isLast`, else as a step. Resolves with the metadata of the offset
   * to commit. Rejects with a `BrokerError` if a snapshot cannot be written; with a step, the commit does.
   */
  async write(transaction: Step, takeSnapshot: () => Promise<Uint8Array>, isLast: boolean): Promise<string> {
    if (!this.#snapshot || isLast || this.#isSnapshotDue) {
      await this.#writeSnapshot(transaction, takeSnapshot);
    } else {
      const step = stepRecord(this.#snapshot.id, this.#steps, transaction);
      this.#writeRecords([step]).catch(() => undefined); // the commit rejects then
      this.#steps++;
    }
    return encodeMetadata(this.#snapshot!.at); // set by the first snapshot
  }

  get #isSnapshotDue(): boolean {
    if (this.#isSmall || this.#steps >= maxSteps) return true;
    const intervalMs = Math.max(this.#options.snapshotIntervalMs, snapshotSpacing * this.#snapshotMs);
    return performance.now() - this.#snapshotAt >= intervalMs;
  }

  async #writeSnapshot({ offset, time }: Step, takeSnapshot: () => Promise<Uint8Array>): Promise<void> {
    const started = performance.now();
    const { counters } = this.#options;
    const state = Buffer.from(await takeSnapshot());
    const snapshot = { id: time, offset, time, state };
    const records = snapshotRecords(snapshot, this.#snapshot?.chunks ?? 0);
    const at = await this.#writeRecords(records);
    this.#noteSnapshot(snapshot, at, records.filter(({ value }) => value !== undefined).length);
    this.#steps = 0;
    this.#snapshotMs = this.#snapshotAt - started;
    counters.snapshots++;
    counters.snapshotBytes = state.length;
  }

  #noteSnapshot({ id, state }: PartitionSnapshot, at: number, chunks: number): void {
    this.#snapshot = { id, at, chunks };
    this.#isSmall = state.length <= smallStateBytes;
    this.#snapshotAt = performance.now();
  }

  /** Resolves with the offset of the first record. */
  async #writeRecords(records: readonly ChangelogRecord[]): Promise<number> {
    const { store } = this.#options;
    const offsets: Promise<number>[] = [];
    let batch = new BatchBuilder();
    for (const { key, value } of records) {
      if (batch.count > 0 && batch.bytes + (value?.length ?? 0) > maxBatchBytes) {
        offsets.push(store.writeChangelog(batch));
        batch = new BatchBuilder();
      }
      batch.add(key, value);
    }
    offsets.push(store.writeChangelog(batch));
    const [first] = await Promise.all(offsets);
    if (first === undefined || first < 0) {
      throw new UdfError('internal', 'the broker did not tell where the changelog was written');
    }
    return first;
  }
}
