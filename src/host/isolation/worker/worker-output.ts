import { FrameReader } from '../../../wire/frame-reader.js';
import type { OutputSource } from './worker-port.js';

/** Chunks of output that are handled before other events are. */
const maxChunksPerTurn = 16;

/** Totals of a connection's output, in bytes. */
export interface OutputProgress {
  readonly addedBytes: number;
  /** Those that the system has taken. */
  readonly sentBytes: number;
}

export interface WorkerOutputEvents {
  /** A frame in the source's own memory: `buf[frame..end)`. */
  frame(buf: Buffer, frame: number, payload: number, end: number): void;
  /** Sends the output so far. Its memory is needed until it is sent. */
  flush(): OutputProgress;
}

/** Reads a worker's output frame by frame, and frees its memory once the output is sent. */
export class WorkerOutput {
  readonly #source: OutputSource;
  readonly #events: WorkerOutputEvents;
  readonly #reader: FrameReader;
  /** Output that was read but is not sent yet, in order. */
  readonly #unsent: { readonly position: number; readonly addedBytes: number }[] = [];
  #isPaused = false;
  #isStopped = false;
  #isScheduled = false;

  constructor(source: OutputSource, events: WorkerOutputEvents) {
    this.#source = source;
    this.#events = events;
    this.#reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
      events.frame(buf, frame, payload, end);
    });
  }

  /** Whether all that was written is read. */
  get isEmpty(): boolean {
    return this.#source.isEmpty;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Pauses or resumes reading. Resumes with the next turn, as it may be called while output is handled. */
  setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (!isPaused) this.#pumpLater();
  }

  /** Reads what there is, unless paused. When that was all, the worker is asked to wake this thread. */
  pump(): void {
    for (let chunks = 0; !this.#isPaused && !this.#isStopped; chunks++) {
      if (chunks === maxChunksPerTurn) {
        this.#pumpLater();
        return;
      }
      const chunk = this.#source.readInPlace();
      if (chunk === undefined) return;
      this.#reader.push(chunk);
      const { addedBytes, sentBytes } = this.#events.flush();
      this.#unsent.push({ position: this.#source.readPosition, addedBytes });
      this.released(sentBytes);
    }
  }

  /** To be called when the system has taken more of the output: its memory is used again. */
  released(sentBytes: number): void {
    let last;
    while (this.#unsent.length > 0 && this.#unsent[0]!.addedBytes <= sentBytes) last = this.#unsent.shift();
    if (last) this.#source.release(last.position);
  }

  /** Reads the rest, also while paused: what was written before the worker's end is as good as any other output. */
  drain(): void {
    this.#isPaused = false;
    let chunk: Buffer | undefined;
    while (!this.#isStopped && (chunk = this.#source.readInPlace())) this.#reader.push(chunk);
  }

  /** Reads no more. */
  stop(): void {
    this.#isStopped = true;
    this.#reader.stop();
  }

  #pumpLater(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.pump();
    });
  }
}
