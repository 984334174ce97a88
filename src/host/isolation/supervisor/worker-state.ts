import { readHeader, type Revision, snapshotRevision } from '../../../agent/state/header.js';
import type { Snapshot } from '../../../agent/state/snapshot.js';
import type { RunningState } from '../../../agent/state-keeper.js';
import { isUdfError, UdfError } from '../../../model/errors.js';
import type { AgentStats } from '../../../model/statistics.js';
import { decodeResponse, encodeRequest } from '../../../wire/messages.js';
import { restoreRequest } from '../worker/launch.js';

/** A worker, as its state is read and replaced. */
export interface StateTarget {
  /** Its statistics at its last answer. */
  readonly stats: AgentStats | undefined;
  /** The error that ended the conversation with it, if one did. */
  readonly failure: UdfError | undefined;
  /** Sends a request and resolves with its answer. Does not settle if the worker ends. */
  request(pieces: readonly Buffer[]): Promise<Buffer>;
}

/** What `WorkerState` calls. */
export interface WorkerStateEvents {
  /** A snapshot is about to be requested. */
  snapshotStarted(): void;
  /** The current state is that of the snapshot; with `isBetweenBatches`, a worker can start with it. */
  snapshotTaken(snapshot: Uint8Array, isBetweenBatches: boolean): void;
  /** The current state has become that of the snapshot, or fresh without one: then later ones are newer than `revision`. */
  replaced(snapshot: Uint8Array | undefined, revision: Revision | undefined): void;
  /** The worker has refused a snapshot, and ends: the next one is to start with fresh state, newer than `revision`. */
  refused(revision: Revision | undefined): void;
}

/** A read or replacement of the state that is under way. */
interface Operation {
  readonly attempt: (worker: StateTarget) => void;
  readonly reject: (reason: UdfError) => void;
  /** Ends a replacement with an error. */
  readonly refuse: ((error: UdfError) => void) | undefined;
}

const snapshotRequest = encodeRequest({ kind: 'snapshot' });

/** The state of an isolated UDF, whichever worker has it: what the end of a worker interrupts, the next one repeats. */
export class WorkerState implements RunningState {
  isStateful: boolean;
  readonly #position: () => number;
  readonly #events: WorkerStateEvents;
  #worker: StateTarget | undefined;
  #isBetweenBatches = true;
  #operation: Operation | undefined;
  #closed: UdfError | undefined;

  /** `position` is that of the handled input. */
  constructor(isStateful: boolean, position: () => number, events: WorkerStateEvents) {
    this.isStateful = isStateful;
    this.#position = position;
    this.#events = events;
  }

  get groups(): number {
    return this.#worker?.stats?.groups ?? 0;
  }

  get inputCount(): number {
    return this.#position();
  }

  snapshot(): Promise<Snapshot> {
    return this.#perform(async (worker) => {
      this.#events.snapshotStarted();
      const response = decodeResponse(await worker.request([snapshotRequest]));
      if (response.kind !== 'snapshot') throw unexpected(response.kind);
      const { buffer, byteOffset, byteLength } = response.snapshot;
      this.#events.snapshotTaken(response.snapshot, this.#isBetweenBatches);
      return { pieces: [Buffer.from(buffer, byteOffset, byteLength)], size: byteLength };
    });
  }

  replace(snapshot: Uint8Array): Promise<'restored' | 'fresh' | UdfError> {
    const attempt = async (worker: StateTarget): Promise<'restored' | 'fresh' | UdfError> => {
      const response = decodeResponse(await worker.request(restoreRequest(snapshot)));
      if (response.kind !== 'restore') throw unexpected(response.kind);
      if (!response.success) {
        this.detach();
        this.#events.refused(revisionOf(snapshot));
        return worker.failure ?? new UdfError('snapshot_damaged', response.error);
      }
      // The worker logs why it starts afresh.
      const isFresh = worker.stats?.groups === 0 && readHeader(snapshot).header.groups > 0;
      this.#events.replaced(isFresh ? undefined : snapshot, revisionOf(snapshot));
      return isFresh ? 'fresh' : 'restored';
    };
    return this.#perform(attempt, (error, resolve) => {
      this.#events.refused(revisionOf(snapshot));
      resolve(error);
    });
  }

  /**
   * The `run` of a step in which `flow` uses the state. What the end of a worker interrupts, the flow continues with the
   * next one. `isBetweenBatches`: the input before the step does not end within a batch.
   */
  stepOf(flow: () => Promise<void>, isBetweenBatches: boolean): (worker: StateTarget) => Promise<void> {
    let done: Promise<void> | undefined;
    return async (worker) => {
      this.attach(worker, isBetweenBatches);
      done ??= flow();
      await done;
      this.detach();
    };
  }

  /** A worker has the state from now on, and nothing else to do. */
  attach(worker: StateTarget, isBetweenBatches: boolean): void {
    this.#worker = worker;
    this.#isBetweenBatches = isBetweenBatches;
    this.#operation?.attempt(worker);
  }

  /** The worker has other things to do, or has ended. */
  detach(): void {
    this.#worker = undefined;
  }

  /** The snapshot that is being restored has ended its workers: it is refused. Returns false if none is. */
  refuse(error: UdfError): boolean {
    const refuse = this.#operation?.refuse;
    if (!refuse) return false;
    this.detach();
    this.#operation = undefined;
    refuse(error);
    return true;
  }

  /** Gives up what is under way, but nothing that follows. */
  interrupt(error: UdfError): void {
    const operation = this.#operation;
    this.detach();
    this.#operation = undefined;
    operation?.reject(error);
  }

  /** Gives up what is under way, and all that follows. */
  close(error: UdfError): void {
    this.#closed ??= error;
    this.interrupt(error);
  }

  #perform<Result>(
    run: (worker: StateTarget) => Promise<Result>,
    refuse?: (error: UdfError, resolve: (result: Result) => void) => void,
  ): Promise<Result> {
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      const operation: Operation = {
        attempt: (worker) => {
          void run(worker)
            .finally(() => {
              if (this.#operation === operation) this.#operation = undefined;
            })
            .then(resolve, reject);
        },
        reject,
        refuse:
          refuse &&
          ((error) => {
            refuse(error, resolve);
          }),
      };
      this.#operation = operation;
      if (this.#worker) operation.attempt(this.#worker);
    });
  }
}

function revisionOf(snapshot: Uint8Array): Revision | undefined {
  const revision = snapshotRevision(snapshot);
  return isUdfError(revision) ? undefined : revision;
}

function unexpected(kind: string): UdfError {
  return new UdfError('internal', `a request to the worker was answered by "${kind}"`);
}
