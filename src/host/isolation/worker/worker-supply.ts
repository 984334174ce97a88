import { UdfError } from '../../../model/errors.js';
import type { Logger } from '../../../telemetry/logger.js';
import type { UdfInfo } from './messages.js';
import { StartQueue } from './start-queue.js';
import { UdfWorker } from './udf-worker.js';
import { WorkerThread, type WorkerThreadOptions } from './worker-thread.js';

/** Where workers come from. */
export interface WorkerSource {
  /** The local files of the modules as of the last `load`; if it failed, also those of the `load` before. */
  readonly localFiles: readonly string[];
  /** A worker that runs the modules' code as of the last `load`, or of a moment ago. */
  take(): UdfWorker;
  /** As `take`, without the conversation; absent where workers run on another machine. */
  takeThread?(): WorkerThread;
  /** Loads the modules' present code. Rejects with `invalid_module` if it cannot be loaded, and with what `check` throws. */
  load<Checked>(check: (udfs: ReadonlyMap<string, UdfInfo>) => Checked): Promise<Checked>;
}

export interface WorkerSupplyOptions extends Omit<WorkerThreadOptions, 'starts'> {
  readonly logger: Logger;
}

/** Time for the worker that was just taken to start its work, before the next one is prepared. */
const delayMs = 50;

/**
 * Starts workers, and keeps one in reserve whose modules are loaded: that takes a few hundred milliseconds, for which a task
 * whose worker has ended would have to wait.
 */
export class WorkerSupply implements WorkerSource {
  readonly #options: WorkerSupplyOptions;
  readonly #starts = new StartQueue();
  localFiles: readonly string[] = [];
  #reserve: WorkerThread | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WorkerSupplyOptions) {
    this.#options = options;
  }

  take(): UdfWorker {
    return new UdfWorker(this.takeThread(), this.#options.logger);
  }

  takeThread(): WorkerThread {
    const thread = this.#reserve ?? this.#newThread();
    this.#reserve = undefined;
    thread.ref();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#reserve) this.#keep(this.#newThread());
    }, delayMs).unref();
    return thread;
  }

  /** Also keeps the worker that has loaded the code in reserve. If it rejects, the present reserve stays. */
  async load<Checked>(check: (udfs: ReadonlyMap<string, UdfInfo>) => Checked): Promise<Checked> {
    const thread = this.#newThread();
    try {
      const infos = await thread.loaded;
      const checked = check(new Map(infos.map((info) => [info.name, info])));
      this.#reserve?.terminate();
      this.#keep(thread);
      this.localFiles = thread.localFiles;
      return checked;
    } catch (reason) {
      thread.terminate();
      this.localFiles = [...new Set([...this.localFiles, ...thread.localFiles])];
      throw UdfError.from(reason, 'invalid_module');
    }
  }

  #newThread(): WorkerThread {
    return new WorkerThread({ ...this.#options, starts: this.#starts });
  }

  #keep(thread: WorkerThread): void {
    thread.unref();
    this.#reserve = thread;
    void thread.exited.then(() => {
      if (this.#reserve === thread) this.#reserve = undefined;
    });
  }
}
