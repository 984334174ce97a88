import { Worker } from 'node:worker_threads';
import { handlerRunsBytes, HandlerRunsReader } from '../../../agent/handler-runs.js';
import { UdfError } from '../../../model/errors.js';
import { SharedRing } from '../../../transport/shared-ring.js';
import { Signals } from './acks.js';
import { type FromWorker, type ToWorker, type UdfInfo, wakeUp } from './messages.js';
import { errorFrom } from './plain-error.js';
import { endByError, hungEnd, memoryEnd, type WorkerEnd } from './worker-end.js';
import type { ServeSettings, WorkerPort, WorkerPortEvents } from './worker-port.js';

/** Capacity of a ring. It bounds how far the two sides are apart. */
const ringBytes = 1024 * 1024;

const MiB = 1024 * 1024;

export interface WorkerThreadOptions {
  readonly modules: readonly string[];
  /** Limits V8's heap, and the array buffers as much again. */
  readonly maxMemoryBytes: number;
}

/** A worker thread of this process. */
export class WorkerThread implements WorkerPort {
  readonly loaded: Promise<readonly UdfInfo[]>;
  /** The local files of its modules, once they are loaded or cannot be. */
  localFiles: readonly string[] = [];
  readonly exited: Promise<WorkerEnd>;
  readonly isAway = false;
  readonly #maxMemoryBytes: number;
  readonly #worker: Worker;
  readonly #signals = new Int32Array(new SharedArrayBuffer(Signals.count * 4));
  readonly #runsMemory = new SharedArrayBuffer(handlerRunsBytes);
  readonly runs = new HandlerRunsReader(this.#runsMemory);
  readonly #input = new SharedRing(ringBytes, () => {
    this.#post(wakeUp);
  });
  readonly output = new SharedRing(ringBytes, () => {
    this.#post(wakeUp);
  });
  #events: WorkerPortEvents | undefined;
  #end: WorkerEnd | undefined;

  constructor({ modules, maxMemoryBytes }: WorkerThreadOptions) {
    this.#maxMemoryBytes = maxMemoryBytes;
    this.#worker = new Worker(new URL('./worker-main.js', import.meta.url), {
      name: 'kapacitor-udf',
      workerData: { modules },
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMb },
    });
    this.#worker.on('error', (reason: unknown) => {
      this.#end ??= endByError(reason, this.#heapMb);
    });
    this.exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        resolve((this.#end ??= { cause: 'exit', text: `called process.exit(${code})` }));
      });
    });
    this.loaded = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message !== wakeUp && message.kind === 'loaded') {
          this.localFiles = message.localFiles;
          resolve(message.udfs);
        } else this.#receive(message);
      });
      void this.exited.then(({ text, error }) => {
        reject(error ?? new UdfError('handler', `the worker ${text}`));
      });
    });
    this.loaded.catch(() => undefined); // an unused rejection is no fault; callers of `loaded` still get it
  }

  get #heapMb(): number {
    return Math.max(16, Math.ceil(this.#maxMemoryBytes / MiB));
  }

  listen(events: WorkerPortEvents): void {
    this.#events = events;
  }

  serve(settings: ServeSettings): void {
    this.#post({
      kind: 'serve',
      ...settings,
      input: this.#input.memory,
      output: this.output.memory,
      signals: this.#signals.buffer, // see its creation
      runs: this.#runsMemory,
      maxBufferBytes: this.#maxMemoryBytes,
    });
  }

  activity(alive: boolean): number {
    const { activity } = this.runs;
    return alive ? activity + Atomics.load(this.#signals, Signals.alive) : activity;
  }

  write(buf: Buffer, start: number, end: number): number {
    return this.#input.write(buf, start, end);
  }

  endInput(): void {
    this.#post({ kind: 'end' });
  }

  wantStats(): void {
    Atomics.store(this.#signals, Signals.wantsStats, 1);
  }

  /** Keeps the process alive, as it does at first. */
  ref(): void {
    this.#worker.ref();
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.#worker.unref();
  }

  terminate(end?: WorkerEnd): void {
    if (end) this.#end ??= end;
    void this.#worker.terminate();
  }

  #receive(message: Exclude<FromWorker, { kind: 'loaded' }>): void {
    if (message === wakeUp) {
      this.#events?.woken();
      return;
    }
    switch (message.kind) {
      case 'failed': {
        this.localFiles = message.localFiles;
        const error = errorFrom(message.error);
        this.terminate({ cause: 'load', text: `cannot load its modules: ${error.message}`, error });
        return;
      }
      case 'memory':
        this.#end ??= memoryEnd(this.#maxMemoryBytes / MiB, 'buffers');
        return;
      case 'hung':
        this.#end ??= hungEnd(message.handlerMs);
        return;
      default:
        this.#events?.message(message);
    }
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
