import { UdfError } from '../../../model/errors.js';
import type { UdfInfo } from './messages.js';
import { UdfWorker, type UdfWorkerOptions } from './udf-worker.js';

/** Time for the worker that was just taken to start its work, before the next one is prepared. */
const delayMs = 50;

/**
 * Starts workers, and keeps one in reserve whose modules are loaded: that takes a few hundred milliseconds, for which a task
 * whose worker has ended would have to wait.
 */
export class WorkerSupply {
  readonly #options: UdfWorkerOptions;
  /** The local files of the modules as of the last `load`; beside them, if it failed, those of the one before. */
  localFiles: readonly string[] = [];
  #reserve: UdfWorker | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UdfWorkerOptions) {
    this.#options = options;
  }

  /** A worker that runs the modules' code as of the last `load`, or of a moment ago. */
  take(): UdfWorker {
    const worker = this.#reserve ?? new UdfWorker(this.#options);
    this.#reserve = undefined;
    worker.ref();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#reserve) this.#keep(new UdfWorker(this.#options));
    }, delayMs).unref();
    return worker;
  }

  /**
   * Loads the modules' present code, and keeps the worker that did. Rejects with `invalid_module` if it cannot be loaded,
   * and with what `check` throws: the one in reserve stays.
   */
  async load<Checked>(check: (udfs: ReadonlyMap<string, UdfInfo>) => Checked): Promise<Checked> {
    const worker = new UdfWorker(this.#options);
    try {
      const infos = await worker.loaded;
      const checked = check(new Map(infos.map((info) => [info.name, info])));
      this.#reserve?.terminate();
      this.#keep(worker);
      this.localFiles = worker.localFiles;
      return checked;
    } catch (reason) {
      worker.terminate();
      this.localFiles = [...new Set([...this.localFiles, ...worker.localFiles])];
      throw UdfError.from(reason, 'invalid_module');
    }
  }

  #keep(worker: UdfWorker): void {
    worker.unref();
    this.#reserve = worker;
    void worker.exited.then(() => {
      if (this.#reserve === worker) this.#reserve = undefined;
    });
  }
}
