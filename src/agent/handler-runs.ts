import { UdfError } from '../model/errors.js';

/** What a run of a handler is identified by, beside its number. */
export const RunKind = {
  /** No handler runs. */
  none: 0,
  /** That of the point or batch whose frame ends after so many bytes of points and batches. */
  frame: 1,
  /** That of a point that waited to be put in order in the restored snapshot, counted from 1. */
  restored: 2,
  /** That of the timer that was set as the number says. */
  timer: 3,
  /** That of `stop` for a group's index. */
  stop: 4,
} as const;

export type RunKindValue = (typeof RunKind)[keyof typeof RunKind];

/** A run of a handler: the same one in each agent that starts with the same state and gets the same input. */
export interface HandlerRun {
  readonly kind: RunKindValue;
  readonly number: number;
}

/** A run that is refused: the error policy applies as if its handler had thrown the reason. */
export interface RefusedRun extends HandlerRun {
  readonly reason: string;
}

const Words = { kind: 0, number: 1, begun: 2, count: 3 } as const;

/** Bytes of the shared memory of a `HandlerRuns`. */
export const handlerRunsBytes = 4 * Float64Array.BYTES_PER_ELEMENT;

/** What another thread reads of a `HandlerRuns`. */
export class HandlerRunsReader {
  readonly #words: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Float64Array(memory);
  }

  /** The run that is under way, or that was when the thread ended; `undefined` if there is none. */
  get current(): HandlerRun | undefined {
    const kind = this.#words[Words.kind] as RunKindValue; // written by `HandlerRuns` only
    return kind === RunKind.none ? undefined : { kind, number: this.#words[Words.number]! };
  }

  /** The bytes of points and batches that have begun. */
  get begunBytes(): number {
    return this.#words[Words.begun]!;
  }

  /** Changes whenever a frame or a run begins. */
  get activity(): number {
    return this.#words[Words.begun]! + this.#words[Words.count]!;
  }
}

/**
 * Shows other threads which run of a handler is under way, so that they know what has ended this thread; and refuses those
 * that have ended others.
 */
export class HandlerRuns {
  /** Called before a run is refused: what the handler had emitted in the thread that it ended does not follow. */
  onRefusal: (() => void) | undefined;
  readonly #words: Float64Array;
  readonly #refused: ReadonlyMap<string, string>;
  readonly #refusals = new WeakSet();

  constructor(memory: SharedArrayBuffer, refused: readonly RefusedRun[]) {
    this.#words = new Float64Array(memory);
    this.#refused = new Map(refused.map(({ kind, number, reason }) => [keyOf(kind, number), reason]));
  }

  /** Identifies the points of the current frame for `beginPoint`. */
  get frameNumber(): number {
    return this.#words[Words.begun]!;
  }

  /** A frame begins that ends after so many bytes of points and batches, and with it the run of its handler. */
  beginFrame(begunBytes: number): void {
    const words = this.#words;
    words[Words.kind] = RunKind.frame;
    words[Words.number] = words[Words.begun] = begunBytes;
  }

  /** Throws if the run that `beginFrame` has begun is refused. */
  requireFrame(): void {
    if (this.#refused.size > 0) this.#require(RunKind.frame, this.#words[Words.begun]!);
  }

  /** The run of the current frame's handler begins, maybe after others. Throws if it is refused. */
  beginCurrent(): void {
    this.begin(RunKind.frame, this.#words[Words.begun]!);
  }

  /** The run of `point` begins for a `frameNumber`, or a restored point with a negative number. Throws if it is refused. */
  beginPoint(number: number): void {
    if (number < 0) this.begin(RunKind.restored, -number);
    else this.begin(RunKind.frame, number);
  }

  /** Another run begins. Throws if it is refused. */
  begin(kind: RunKindValue, number: number): void {
    const words = this.#words;
    words[Words.kind] = kind;
    words[Words.number] = number;
    words[Words.count]!++;
    if (this.#refused.size > 0) this.#require(kind, number);
  }

  /** No run is under way. */
  end(): void {
    this.#words[Words.kind] = RunKind.none;
  }

  /** Whether an error, or its cause, was thrown because a run is refused. */
  isRefusal(error: unknown): boolean {
    if (!(error instanceof Error)) return false;
    return this.#refusals.has(error) || (error.cause instanceof Error && this.#refusals.has(error.cause));
  }

  #require(kind: RunKindValue, number: number): void {
    const reason = this.#refused.get(keyOf(kind, number));
    if (reason === undefined) return;
    this.onRefusal?.();
    const refusal = new UdfError('handler', reason);
    this.#refusals.add(refusal);
    throw refusal;
  }
}

function keyOf(kind: RunKindValue, number: number): string {
  return `${kind} ${number}`;
}
