import type { StateStore } from '../../src/agent/state-store.js';
import type { UseId } from '../../src/model/statistics.js';

/** A state store in memory. */
export class MemoryStateStore implements StateStore {
  readonly saved = new Map<string, Buffer>();
  readonly #listeners = new Map<string, (snapshot: Buffer) => void>();
  /** How often a state was saved. */
  saves = 0;
  /** What `load` and `save` wait for. */
  gate: Promise<void> = Promise.resolve();

  async load(use: UseId): Promise<Buffer | undefined> {
    await this.gate;
    return this.saved.get(keyOf(use));
  }

  async save(use: UseId, snapshot: readonly Buffer[]): Promise<void> {
    this.saves++;
    this.saved.set(keyOf(use), Buffer.concat(snapshot));
    await this.gate;
  }

  onReplace(use: UseId, listener: (snapshot: Buffer) => void): () => void {
    this.#listeners.set(keyOf(use), listener);
    return () => this.#listeners.delete(keyOf(use));
  }

  replace(use: UseId, snapshot: Buffer): void {
    this.#listeners.get(keyOf(use))?.(snapshot);
  }
}

function keyOf({ udf, task, node }: UseId): string {
  return JSON.stringify([udf, task, node]);
}
