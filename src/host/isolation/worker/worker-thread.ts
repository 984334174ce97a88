import { Worker } from 'node:worker_threads';
import { handlerRunsBytes, HandlerRunsReader } from '../../../agent/handler-runs.js';
import { SharedRing } from '../../../transport/shared-ring.js';
import { Signals } from './acks.js';
import { type FromWorker, type ToWorker, type UdfInfo, wakeUp } from './messages.js';
import { errorFrom } from './plain-error.js';
import { endByError, hungEnd, memoryEnd, type WorkerEnd } from './worker-end.js';
import type { StartQueue } from './start-queue.js';
import { WorkerLifecycle } from './worker-lifecycle.js';
import type { ServeSettings, WorkerPort, WorkerPortEvents } from './worker-port.js';

/** Capacity of a ring. It bounds how far the two sides are apart. */
const ringBytes = 1024 * 1024;

const MiB = 1024 * 1024;

export interface WorkerThreadOptions {
  readonly modules: readonly string[];
  /** Limits V8's heap, and the array buffers as much again. */
  readonly maxMemoryBytes: number;
  /** When it starts. */
  readonly starts: StartQueue;
}

/** A worker thread of this process. It starts when it is its turn; until then, messages to it are kept. */
export class WorkerThread implements WorkerPort {
  /** The local files of its modules, once they are loaded or cannot be. */
  localFiles: readonly string[] = [];
  readonly isAway = false;
  readonly #lifecycle = new WorkerLifecycle();
  readonly #maxMemoryBytes: number;
  /** `undefined` until it starts. */
  #worker: Worker | undefined;
  readonly #unsent: ToWorker[] = [];
  #isReferenced = true;
  readonly #signals = new Int32Array(new SharedArrayBuffer(Signals.length * Int32Array.BYTES_PER_ELEMENT));
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

  constructor({ modules, maxMemoryBytes, starts }: WorkerThreadOptions) {
    this.#maxMemoryBytes = maxMemoryBytes;
    starts.add(() => {
      if (this.#end) return Promise.resolve();
      this.#start(modules);
      return this.loaded.catch(() => undefined);
    });
  }

  get loaded(): Promise<readonly UdfInfo[]> {
    return this.#lifecycle.loaded;
  }

  get exited(): Promise<WorkerEnd> {
    return this.#lifecycle.exited;
  }

  #start(modules: readonly string[]): void {
    const worker = new Worker(new URL('./worker-main.js', import.meta.url), {
      name: 'kapacitor-udf',
      workerData: { modules },
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMb },
    });
    this.#worker = worker;
    worker.on('error', (reason: unknown) => {
      this.#end ??= endByError(reason, this.#heapMb);
    });
    worker.once('exit', (code) => {
      this.#lifecycle.exit((this.#end ??= { cause: 'exit', text: `called process.exit(${code})` }));
    });
    worker.on('message', (message: FromWorker) => {
      this.#receive(message);
    });
    if (!this.#isReferenced) worker.unref();
    for (const message of this.#unsent.splice(0)) worker.postMessage(message);
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
    this.#isReferenced = true;
    this.#worker?.ref();
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.#isReferenced = false;
    this.#worker?.unref();
  }

  terminate(end?: WorkerEnd): void {
    if (end) this.#end ??= end;
    if (this.#worker) void this.#worker.terminate();
    else this.#lifecycle.exit((this.#end ??= { cause: 'exit', text: 'was not started' }));
  }

  #receive(message: FromWorker): void {
    if (message === wakeUp) {
      this.#events?.woken();
      return;
    }
    switch (message.kind) {
      case 'loaded':
        this.localFiles = message.localFiles;
        this.#lifecycle.load(message.udfs);
        return;
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
    if (this.#worker) this.#worker.postMessage(message);
    else this.#unsent.push(message);
  }
}
