import type { UseId } from '../model/statistics.js';

/**
 * Keeps the newest state of each use of a UDF, as a snapshot, across connections. No method rejects or throws: a store
 * logs its own failures, and tasks continue without it.
 */
export interface StateStore {
  /** The newest snapshot of a use; `undefined` if there is none that is intact. */
  load(use: UseId): Promise<Buffer | undefined>;
  /**
   * Saves a snapshot, given in pieces, which it may keep until the promise resolves. Saves of one use are written one at
   * a time, and only the newest of those that wait. Resolves once this or a newer snapshot was written, or has failed.
   */
  save(use: UseId, snapshot: readonly Buffer[]): Promise<void>;
  /**
   * Calls `listener` whenever the state of a use is to be replaced by a snapshot: an operator has reset it. Returns a
   * function that ends this.
   */
  onReplace(use: UseId, listener: (snapshot: Buffer) => void): () => void;
}
