import type { SharedRing } from '../../../transport/shared-ring.js';
import { FrameReader } from '../../../wire/frame-reader.js';

/** Chunks of output that are handled before other events are. */
const maxChunksPerTurn = 16;

/** Totals of a connection's output, in bytes. */
export interface OutputProgress {
  readonly addedBytes: number;
  /** Those that the system has taken. */
  readonly sentBytes: number;
}

export interface WorkerOutputEvents {
  /** A frame in the ring's own memory: `buf[frame..end)`. */
  frame(buf: Buffer, frame: number, payload: number, end: number): void;
  /** Sends the output so far. Its memory is needed until it is sent. */
  flush(): OutputProgress;
}

/** Reads a worker's output from its ring, frame by frame, and frees the ring's memory once the output is sent. */
export class WorkerOutput {
  readonly #ring: SharedRing;
  readonly #events: WorkerOutputEvents;
  readonly #reader: FrameReader;
  /** Output that was read but is not sent yet, in order. */
  readonly #unsent: { readonly ringPosition: number; readonly addedBytes: number }[] = [];
  #isPaused = false;
  #isStopped = false;
  #isScheduled = false;

  constructor(ring: SharedRing, events: WorkerOutputEvents) {
    this.#ring = ring;
    this.#events = events;
    this.#reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
      events.frame(buf, frame, payload, end);
    });
  }

  get memory(): SharedArrayBuffer {
    return this.#ring.memory;
  }

  /** Whether all that was written is read. */
  get isEmpty(): boolean {
    return this.#ring.isEmpty;
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

  /** Reads what there is, unless paused. When the ring is empty, the worker is asked to wake this thread. */
  pump(): void {
    for (let chunks = 0; !this.#isPaused && !this.#isStopped; chunks++) {
      if (chunks === maxChunksPerTurn) {
        this.#pumpLater();
        return;
      }
      const chunk = this.#ring.readInPlace();
      if (chunk === undefined) return;
      this.#reader.push(chunk);
      const { addedBytes, sentBytes } = this.#events.flush();
      this.#unsent.push({ ringPosition: this.#ring.readPosition, addedBytes });
      this.released(sentBytes);
    }
  }

  /** To be called when the system has taken more of the output: its room in the ring is used again. */
  released(sentBytes: number): void {
    let last;
    while (this.#unsent.length > 0 && this.#unsent[0]!.addedBytes <= sentBytes) last = this.#unsent.shift();
    if (last) this.#ring.release(last.ringPosition);
  }

  /** Reads the rest, also while paused: what was written before the worker's end is as good as any other output. */
  drain(): void {
    this.#isPaused = false;
    let chunk: Buffer | undefined;
    while (!this.#isStopped && (chunk = this.#ring.readInPlace())) this.#reader.push(chunk);
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
