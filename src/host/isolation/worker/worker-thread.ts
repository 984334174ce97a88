import { Worker } from 'node:worker_threads';
import { handlerRunsBytes, HandlerRunsReader } from '../../../agent/handler-runs.js';
import type { UdfError } from '../../../model/errors.js';
import { SharedRing } from '../../../transport/shared-ring.js';
import { Signals } from './acks.js';
import { type FromWorker, type ToWorker, wakeUp } from './messages.js';
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
  #end: WorkerEnd | undefined;

  constructor({ modules, maxMemoryBytes }: WorkerThreadOptions) {
    this.#maxMemoryBytes = maxMemoryBytes;
    this.#worker = new Worker(new URL('./worker-main.js', import.meta.url), {
      name: 'kapacitor-udf',
      workerData: { modules },
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMb },
    });
  }

  get #heapMb(): number {
    return Math.max(16, Math.ceil(this.#maxMemoryBytes / MiB));
  }

  listen(events: WorkerPortEvents): void {
    this.#worker.on('message', (message: FromWorker) => {
      if (message === wakeUp) events.woken();
      else if (message.kind === 'memory') this.#end ??= memoryEnd(this.#maxMemoryBytes / MiB, 'buffers');
      else if (message.kind === 'hung') this.#end ??= hungEnd(message.handlerMs);
      else {
        if (message.kind === 'failed') this.#endUnloaded(errorFrom(message.error));
        events.message(message);
      }
    });
    this.#worker.on('error', (reason: unknown) => {
      this.#end ??= endByError(reason, this.#heapMb);
    });
    this.#worker.once('exit', (code) => {
      events.ended(this.#end ?? { cause: 'exit', text: `called process.exit(${code})` });
    });
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

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  terminate(end?: WorkerEnd): void {
    if (end) this.#end ??= end;
    void this.#worker.terminate();
  }

  #endUnloaded(error: UdfError): void {
    this.terminate({ cause: 'load', text: `cannot load its modules: ${error.message}`, error });
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
