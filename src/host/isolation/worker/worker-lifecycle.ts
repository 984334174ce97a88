import { UdfError } from '../../../model/errors.js';
import type { UdfInfo } from './messages.js';
import type { WorkerEnd } from './worker-end.js';

/** The two promises of a worker's life, which a port settles. */
export class WorkerLifecycle {
  /** Its UDFs, once their modules are loaded. Rejects if the worker ends before. */
  readonly loaded: Promise<readonly UdfInfo[]>;
  /** Settles when the worker has ended. */
  readonly exited: Promise<WorkerEnd>;
  #resolveLoaded!: (udfs: readonly UdfInfo[]) => void; // both are set by executors, which run at once
  #resolveExited!: (end: WorkerEnd) => void;

  constructor() {
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    this.loaded = new Promise((resolve, reject) => {
      this.#resolveLoaded = resolve;
      void this.exited.then(({ text, error }) => {
        reject(error ?? new UdfError('handler', `the worker ${text}`));
      });
    });
    this.loaded.catch(() => undefined); // unused, a rejection is no fault; callers of `loaded` still get it
  }

  load(udfs: readonly UdfInfo[]): void {
    this.#resolveLoaded(udfs);
  }

  exit(end: WorkerEnd): void {
    this.#resolveExited(end);
  }
}
