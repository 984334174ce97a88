import { isUdfError, UdfError } from '../model/errors.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import type { Response } from '../wire/messages.js';
import type { AgentOptions } from './interface.js';
import type { Limits } from './limits.js';
import { compareRevisions, type Revision, snapshotRevision } from './state/header.js';
import { isMigrationRefusal, type Snapshot } from './state/snapshot.js';
import type { UseId } from '../model/statistics.js';
import type { StateStore } from './state-store.js';

/** How often changed state is saved by default. */
const defaultIntervalMs = 10_000;

/** The state of a running UDF, in this thread or in a worker. */
export interface RunningState {
  /** Whether the UDF has state at all. */
  readonly isStateful: boolean;
  /** Groups that have state now. */
  readonly groups: number;
  /** A number that grows with the input that the state contains. */
  readonly inputCount: number;
  /** Rejects with `limit`, and with `handler` if a state cannot be encoded. */
  snapshot(): Promise<Snapshot>;
  /**
   * Replaces all groups by a snapshot's. There are none afterwards if the options that the state depends on have changed
   * (`fresh`), or if the snapshot cannot be restored (an error).
   */
  replace(snapshot: Uint8Array): Promise<'restored' | 'fresh' | UdfError>;
}

export interface StateKeeperOptions extends Pick<
  AgentOptions,
  'strictRestore' | 'stateStore' | 'stateIntervalMs'
> {
  /** The UDF's name. */
  readonly udf: string;
  readonly limits: Limits;
  /** Whether a refused restore is logged here. */
  readonly isLogged: boolean;
  /** Called when `due` becomes true. */
  readonly onDue: () => void;
}

/**
 * The state of one use across connections: snapshots for Kapacitor, and for the state store if there is one.
 *
 * Of Kapacitor's snapshot and the stored one the newer wins. Kapacitor takes none when a task stops, so the stored one is
 * usually newer.
 */
export class StateKeeper {
  readonly #options: StateKeeperOptions;
  #use: UseId | undefined;
  /** Set together with `#use`. */
  #state!: RunningState;
  #logger!: Logger;
  #failures!: RateLimitedLogger;
  /** The revision of the stored state that is in use; `undefined` if none is. */
  #loaded: Revision | undefined;
  #isStored = false;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #due = false;
  #ended = false;
  /** A snapshot from the store that is to replace the state. */
  #replacement: Buffer | undefined;
  #savedInput = 0;
  #savedAt = performance.now();
  #isWriting = false;
  #lastSave: Promise<void> | undefined;

  constructor(options: StateKeeperOptions) {
    this.#options = options;
  }

  /** Whether `step` has work to do. */
  get due(): boolean {
    return this.#due;
  }

  /** Whether states are stored: there is a store, and the UDF has state. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Resolves when the last state has been handed to the store; `undefined` if `saveLast` had nothing to do. */
  get lastSave(): Promise<void> | undefined {
    return this.#lastSave;
  }

  /** To be called after init. Loads the stored state; `undefined` if there is no store, or the UDF has no state. */
  start(use: UseId, state: RunningState, logger: Logger): Promise<void> | undefined {
    this.#use = use;
    this.#state = state;
    this.#logger = logger;
    this.#failures = new RateLimitedLogger(logger);
    const { stateStore: store } = this.#options;
    if (!store || !state.isStateful) return undefined;
    this.#isStored = true;
    this.#stopListening = store.onReplace(use, (snapshot) => {
      this.#replacement = snapshot;
      this.#setDue();
    });
    return this.#load(store, use).finally(() => {
      this.#startTimer();
    });
  }

  /** A snapshot for Kapacitor, which is stored too. Rejects with `limit` and `handler`. */
  async snapshot(): Promise<Snapshot> {
    const { inputCount } = this.#state;
    const snapshot = await this.#take();
    if (this.#isStored) this.#save(snapshot, inputCount);
    return snapshot;
  }

  /** Stores a snapshot that was taken for another purpose, unless the last one is recent. */
  offer(snapshot: Snapshot): void {
    if (!this.#isStored || this.#ended || this.#due || this.#isWriting) return;
    if (performance.now() - this.#savedAt < this.#intervalMs / 2) return;
    this.#save(snapshot, this.#state.inputCount);
    this.#startTimer();
  }

  /**
   * Restores Kapacitor's snapshot, unless the stored state in use is newer. Returns the reason if the restore is to be
   * refused. Rejects with `limit` for a snapshot above `snapshotBytes`.
   */
  async restore(snapshot: Uint8Array): Promise<UdfError | undefined> {
    const { strictRestore: isStrict = false, stateStore: store } = this.#options;
    this.#checkSize(snapshot.length);
    const revision = snapshotRevision(snapshot);
    if (this.#loaded && !isUdfError(revision) && compareRevisions(revision, this.#loaded) <= 0) {
      this.#logger.info({}, "the stored state is used: Kapacitor's snapshot is not newer");
      return undefined;
    }
    if (this.#loaded && isUdfError(revision) && !isStrict) {
      const message = this.#failureMessage('cannot restore', revision);
      this.#logger.warn({ code: revision.code }, `${message}; the stored state is used`);
      return undefined;
    }
    const wasLoaded = this.#loaded !== undefined;
    const consequence = wasLoaded ? 'the stored state is used' : 'starting with fresh state';
    this.#loaded = undefined;
    const replaced = await this.#replace(snapshot, 'cannot restore', isStrict ? undefined : consequence);
    if (!isUdfError(replaced)) return undefined;
    if (isStrict) {
      this.#isStored = false; // the connection ends, and what is stored stays
      return replaced;
    }
    if (wasLoaded && store) await this.#load(store, this.#use!); // set, as it was loaded before
    return undefined;
  }

  /** Does what is due. To be called between requests, outside of batches that are streamed. Never rejects. */
  async step(): Promise<void> {
    this.#due = false;
    const replacement = this.#replacement;
    if (replacement) {
      this.#replacement = undefined;
      const replaced = await this.#replace(
        replacement,
        'cannot reset the state',
        'starting with fresh state',
      );
      if (replaced === 'restored') this.#logger.info({ groups: this.#state.groups }, 'state reset');
    }
    await this.#takeAndSave();
    this.#startTimer();
  }

  /**
   * Stores the state for the last time. The result is `undefined` if there is nothing to store, or this was called before.
   * Resolves once the state is encoded. Never rejects.
   */
  saveLast(): Promise<void> | undefined {
    if (this.#ended) return undefined;
    this.end();
    if (!this.#isStored || this.#state.inputCount === this.#savedInput) return undefined;
    // Not at once: a handler that is on the stack, and whose emit has failed the connection, may still change its state.
    this.#lastSave = Promise.resolve().then(() => this.#takeAndSave());
    return this.#lastSave;
  }

  /** Nothing will be due any more. */
  end(): void {
    this.#ended = true;
    this.#due = false;
    clearTimeout(this.#timer);
    this.#stopListening?.();
  }

  #setDue(): void {
    if (this.#ended) return;
    this.#due = true;
    this.#options.onDue();
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      if (!this.#isWriting && this.#state.inputCount !== this.#savedInput) this.#setDue();
      else this.#startTimer();
    }, this.#intervalMs);
  }

  get #intervalMs(): number {
    return this.#options.stateIntervalMs ?? defaultIntervalMs;
  }

  async #load(store: StateStore, use: UseId): Promise<void> {
    this.#loaded = undefined;
    const snapshot = await store.load(use);
    if (!snapshot) return;
    try {
      this.#checkSize(snapshot.length);
    } catch (reason) {
      const { message, code } = UdfError.from(reason);
      this.#logger.error({ code }, `the stored state is not used: ${message}`);
      return;
    }
    const replaced = await this.#replace(
      snapshot,
      'cannot use the stored state',
      'starting with fresh state',
    );
    if (replaced !== 'restored') return;
    const revision = snapshotRevision(snapshot);
    // A snapshot without a revision cannot be told from Kapacitor's by age: theirs is then used, if it has one.
    if (!isUdfError(revision)) this.#loaded = revision;
    this.#logger.info({ groups: this.#state.groups }, 'continues with the stored state');
  }

  /**
   * Replaces all groups by a snapshot's. If that is not possible there are none: the reason is logged, with the
   * `consequence`, or as the error that fails the task if there is none given.
   */
  async #replace(
    snapshot: Uint8Array,
    failure: string,
    consequence: string | undefined,
  ): Promise<'restored' | 'fresh' | UdfError> {
    const replaced = await this.#state.replace(snapshot);
    if (!isUdfError(replaced)) return replaced;
    const { code } = replaced;
    const message = this.#failureMessage(failure, replaced);
    // By default not refused: the task would then fail each time it is enabled, until somebody deletes it.
    if (consequence === undefined) {
      if (this.#options.isLogged) this.#logger.error({ code, err: replaced }, message);
    } else if (isMigrationRefusal(replaced.cause)) this.#logger.warn({ code }, `${message}; ${consequence}`);
    else this.#logger.error({ code, err: replaced }, `${message}; ${consequence}`);
    return replaced;
  }

  #failureMessage(failure: string, { message }: UdfError): string {
    return capText(`${this.#options.udf}: ${failure}: ${message}`);
  }

  async #takeAndSave(): Promise<void> {
    const { inputCount } = this.#state;
    try {
      this.#save(await this.#take(), inputCount);
    } catch (reason) {
      const error = UdfError.from(reason);
      this.#failures.error(() => ({ code: error.code }), `the state is not stored: ${error.message}`);
    }
  }

  async #take(): Promise<Snapshot> {
    const snapshot = await this.#state.snapshot();
    this.#checkSize(snapshot.size);
    return snapshot;
  }

  /** Hands a snapshot to the store, which writes it while points go on. `input` is what it contains. */
  #save({ pieces }: Snapshot, input: number): void {
    const { stateStore: store } = this.#options;
    if (!store) return;
    this.#savedInput = input;
    this.#savedAt = performance.now();
    this.#isWriting = true;
    void store.save(this.#use!, pieces).then(() => {
      this.#isWriting = false;
    });
  }

  #checkSize(bytes: number): void {
    const { snapshotBytes } = this.#options.limits;
    if (bytes <= snapshotBytes) return;
    throw new UdfError(
      'limit',
      `a snapshot of ${bytes} bytes is above the limit of ${snapshotBytes} (snapshotBytes)`,
    );
  }
}

/** The answer to a restore request that is refused. */
export function refusedRestore(udf: string, refusal: UdfError): Response {
  return { kind: 'restore', success: false, error: capText(`${udf}: cannot restore: ${refusal.message}`) };
}
