import type { BatchBuilder } from './client/record-batch.js';
import type { CommittedOffset } from './client/offsets.js';

/** Where the output of a partition, its state and its offset are kept, in transactions. */
export interface PartitionStore {
  /**
   * Takes the partition over from its previous owner, whose open transaction is aborted. Resolves with what is committed.
   * To be called again after any failure.
   */
  open(): Promise<CommittedOffset>;
  /** The offset at which a partition without a committed one begins. */
  startOffset(): Promise<number>;
  /** Whether there is a changelog, whether or not anything is committed. */
  hasState(): Promise<boolean>;
  /** Passes the values of the changelog from an offset on to `add`. Rejects with `snapshot_truncated` if it is cut there. */
  readChangelog(from: number, add: (value: Buffer) => void): Promise<void>;
  /** Writes records of the transaction. `commit` waits for them, and rejects if they have failed. */
  writeOutput(batch: BatchBuilder): Promise<unknown>;
  /** As `writeOutput`; `undefined` if dead letters are not kept. */
  readonly writeDeadLetters: ((batch: BatchBuilder) => Promise<unknown>) | undefined;
  /** As `writeOutput`. Resolves with the offset of the first record. */
  writeChangelog(batch: BatchBuilder): Promise<number>;
  /** Commits what was written, and that the input before `offset` is processed. */
  commit(offset: number, metadata: string): Promise<void>;
}
