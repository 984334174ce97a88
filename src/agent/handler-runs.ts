import { UdfError } from '../model/errors.js';

/** The kind of a run of a handler, and what its number means. */
export const RunKind = {
  /** No handler runs. */
  none: 0,
  /** For a point or batch of the input: the number is the input's bytes of points and batches up to the end of its frame. */
  frame: 1,
  /** For a restored point that had waited to be put in order: the number is its place in the snapshot, from 1. */
  restored: 2,
  /** For a timer: the number is its `order`. */
  timer: 3,
  /** For `stop`: the number is the group's index. */
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

/** The elements of the words that two threads share; `length` is their number. */
const Words = { kind: 0, number: 1, begun: 2, runs: 3, length: 4 } as const;

/** Bytes of the shared memory of a `HandlerRuns`. */
export const handlerRunsBytes = Words.length * Float64Array.BYTES_PER_ELEMENT;

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
    return this.#words[Words.begun]! + this.#words[Words.runs]!;
  }
}

/**
 * Shows other threads which run of a handler is under way, so that they know which run has ended this thread. Refuses runs
 * that have ended earlier threads.
 */
export class HandlerRuns {
  /** Called before a run is refused. Output that the same run emitted in an earlier thread does not follow from this one. */
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

  /** A frame begins, and with it the run of its handler. `begunBytes`: bytes of points and batches up to the frame's end. */
  beginFrame(begunBytes: number): void {
    const words = this.#words;
    words[Words.kind] = RunKind.frame;
    words[Words.number] = words[Words.begun] = begunBytes;
  }

  /** Throws if the run that `beginFrame` has begun is refused. */
  requireFrame(): void {
    if (this.#refused.size > 0) this.#require(RunKind.frame, this.#words[Words.begun]!);
  }

  /** The run of the current frame's handler begins, perhaps after other runs. Throws if it is refused. */
  beginCurrent(): void {
    this.begin(RunKind.frame, this.#words[Words.begun]!);
  }

  /** The run of a point begins. `number`: its `frameNumber`; of a restored point its place, negative. Throws if it is refused. */
  beginPoint(number: number): void {
    if (number < 0) this.begin(RunKind.restored, -number);
    else this.begin(RunKind.frame, number);
  }

  /** Another run begins. Throws if it is refused. */
  begin(kind: RunKindValue, number: number): void {
    const words = this.#words;
    words[Words.kind] = kind;
    words[Words.number] = number;
    words[Words.runs]!++;
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
