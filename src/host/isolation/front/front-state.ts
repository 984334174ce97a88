import type { Limits } from '../../../agent/limits.js';
import { StateKeeper } from '../../../agent/state-keeper.js';
import type { Snapshot } from '../../../agent/state/snapshot.js';
import type { AgentOptions } from '../../../agent/agent.js';
import { UdfError } from '../../../model/errors.js';
import type { UseId } from '../../../model/statistics.js';
import type { Logger } from '../../../telemetry/logger.js';
import type { Supervisor } from '../supervisor/supervisor.js';

/** Max time to get the last state when a connection has ended. */
const lastStateTimeoutMs = 2_000;

export interface FrontStateOptions extends Pick<
  AgentOptions,
  'strictRestore' | 'stateStore' | 'stateIntervalMs'
> {
  /** The UDF's name. */
  readonly udf: string;
  readonly limits: Limits;
  readonly supervisor: Supervisor;
  /** Whether the input so far ends within a batch. */
  readonly isInBatch: () => boolean;
  /** Ends the connection with an error. */
  readonly fail: (error: UdfError) => void;
}

/** The state of an isolated UDF across workers and connections: what a `StateKeeper` does, between two inputs. */
export class FrontState {
  readonly #options: FrontStateOptions;
  readonly #keeper: StateKeeper;
  /** Whether the keeper's `step` will be run. */
  #isStepAdded = false;
  /** Whether the state at the end of the input is stored, or has been tried to. */
  #isLastSaved = false;
  #isEnding = false;

  constructor(options: FrontStateOptions) {
    this.#options = options;
    this.#keeper = new StateKeeper({
      ...options,
      isLogged: true,
      onDue: () => {
        this.saveIfDue();
      },
    });
  }

  /** Loads the stored state, before any input. */
  start(use: UseId, logger: Logger): void {
    this.#within('restore', () => this.#keeper.start(use, this.#options.supervisor.state, logger));
  }

  /** Takes a snapshot at the end of the input so far. */
  snapshot(taken: (snapshot: Snapshot) => void): void {
    this.#within('snapshot', async () => {
      taken(await this.#keeper.snapshot());
    });
  }

  /** Restores Kapacitor's snapshot; `restored` is given the reason if it is refused. */
  restore(snapshot: Uint8Array, restored: (refusal: UdfError | undefined) => void): void {
    this.#within('restore', async () => {
      restored(await this.#keeper.restore(snapshot));
    });
  }

  /** Stores a snapshot that was taken anyway, unless another one was stored lately. */
  offer(snapshot: Snapshot): void {
    this.#keeper.offer(snapshot);
  }

  /** Saves the state if it is due. To be called between batches too. */
  saveIfDue(): void {
    if (!this.#keeper.due || this.#isStepAdded || this.#isEnding || this.#options.isInBatch()) return;
    this.#isStepAdded = true;
    this.#within('snapshot', async () => {
      this.#isStepAdded = false;
      await this.#keeper.step();
    });
  }

  /** Saves the state at the end of the input, before `stop`. In the middle of a batch, `end` saves that of its start. */
  saveAtEnd(): void {
    if (!this.#options.isInBatch()) this.#within('snapshot', () => this.#saveLast());
  }

  /** Whether `end` has a state to save. */
  get isUnsaved(): boolean {
    return this.#keeper.isStored && !this.#isLastSaved;
  }

  /** Saves the state after the input before `position`, unless `saveAtEnd` has, and ends the worker. Never rejects. */
  async end(position: number): Promise<void> {
    const { supervisor } = this.#options;
    this.#isEnding = true;
    if (this.isUnsaved) {
      const timer = setTimeout(() => {
        const text = `the worker has not given it within ${lastStateTimeoutMs} ms`;
        supervisor.abandonLast(new UdfError('handler_timeout', text));
      }, lastStateTimeoutMs);
      await supervisor.runLast(position, () => this.#saveLast());
      clearTimeout(timer);
    }
    this.#keeper.end();
    supervisor.destroy();
    await this.#keeper.lastSave;
  }

  async #saveLast(): Promise<void> {
    await this.#keeper.saveLast();
    this.#isLastSaved = true;
  }

  /** Runs `flow` at the end of the input so far. What it throws ends the connection. */
  #within(kind: 'snapshot' | 'restore', flow: () => Promise<void> | undefined): void {
    const { supervisor, isInBatch, fail } = this.#options;
    supervisor.withState(kind, !isInBatch(), async () => {
      try {
        await flow();
      } catch (reason) {
        fail(UdfError.from(reason));
      }
    });
  }
}
