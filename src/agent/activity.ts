import type { TaskUse } from '../model/statistics.js';
import { beginTag0, endTag0, initTag, pointTag0, restoreTag, snapshotTag } from '../wire/tags.js';

/**
 * What the event loop is busy with, in shared memory: a watchdog on another thread reads it while the loop is blocked. The
 * cells are plain integers that one thread writes, so they need no atomic operations.
 */
export class Activity {
  readonly cells = new Int32Array(new SharedArrayBuffer(4 * (firstUseCell + maxUses)));
  /** The open connections by number, from 1. */
  readonly uses = new Map<number, ActiveUse>();
  /** Called when a connection opens, gets its task, or closes (`undefined`). */
  onChange: ((number: number, use: ActiveUse | undefined) => void) | undefined;
  readonly #free: number[] = [];
  #next = 1;

  /** Adds a connection. Above 4,096, further ones have no name. */
  open(udf: string): UseActivity {
    const number = this.#free.pop() ?? (this.#next < maxUses ? this.#next++ : unnamed);
    const change = (use: ActiveUse | undefined): void => {
      if (number === unnamed) return;
      if (use) this.uses.set(number, use);
      else if (this.uses.delete(number)) this.#free.push(number);
      this.onChange?.(number, use);
    };
    change({ udf });
    return new UseActivity(this.cells, number, udf, change);
  }

  /** The connection whose input is being handled, if any. */
  get current(): ActiveUse | undefined {
    return this.uses.get(this.cells[currentCell]!);
  }
}

/** A UDF on a connection; its task and node once Kapacitor has told them. */
export interface ActiveUse extends Partial<TaskUse> {
  readonly udf: string;
}

const maxUses = 4096;
/** The number of connections beyond them. */
const unnamed = 0;

const currentCell = 0;
const requestCell = 1;
/** Cells for the watchdog's own use. */
export const watchdogCells = { beat: 2, stalled: 3, stopping: 4 } as const;
const firstUseCell = 8;

/** Marks the calls of `stop` handlers, which no request causes. */
export const stopRequest = 255;
/** Marks the calls of `timer` handlers by the wall clock. */
export const timerRequest = 254;

/** Writes the activity of one connection. */
export class UseActivity {
  readonly #cells: Int32Array;
  readonly #number: number;
  readonly #udf: string;
  readonly #change: (use: ActiveUse | undefined) => void;

  constructor(cells: Int32Array, number: number, udf: string, change: (use: ActiveUse | undefined) => void) {
    this.#cells = cells;
    this.#number = number;
    this.#udf = udf;
    this.#change = change;
  }

  /** This connection is handled from now until `leave`: what it has received, or `stopRequest`. */
  enter(request = 0): void {
    this.#cells[currentCell] = this.#number;
    this.#cells[requestCell] = request;
  }

  leave(): void {
    this.#cells[currentCell] = 0;
  }

  /** Handling a request begins; `tag` is its first byte. */
  request(tag: number): void {
    this.#cells[requestCell] = tag;
  }

  /** The request continues after its turn, until `settled`. */
  pending(): void {
    this.#cells[firstUseCell + this.#number] = this.#cells[requestCell]! + 1;
  }

  settled(): void {
    this.#cells[firstUseCell + this.#number] = 0;
  }

  started(use: TaskUse): void {
    this.#change({ udf: this.#udf, ...use });
  }

  closed(): void {
    this.settled();
    this.#change(undefined);
  }
}

/** For a connection that nothing watches. */
export const unwatched: UseActivity = new UseActivity(new Int32Array(firstUseCell + 1), unnamed, '', () => {
  // Nobody to tell.
});

/** What shared cells say: the number of the connection whose input is handled, and of those with a pending handler. */
export interface ActivityReading {
  readonly current: number | undefined;
  /** The kind of its request, for people. */
  readonly handling: string;
  readonly pending: readonly { readonly number: number; readonly handling: string }[];
}

export function readActivity(cells: Int32Array): ActivityReading {
  const pending: { number: number; handling: string }[] = [];
  for (let number = 1; number < maxUses; number++) {
    const tag = cells[firstUseCell + number]!;
    if (tag !== 0) pending.push({ number, handling: handlingOf(tag - 1) });
  }
  const current = cells[currentCell]!;
  return { current: current === 0 ? undefined : current, handling: handlingOf(cells[requestCell]!), pending };
}

const handlings: ReadonlyMap<number, string> = new Map([
  [initTag, 'init'],
  [snapshotTag, 'a snapshot'],
  [restoreTag, 'a restore'],
  [beginTag0, 'the beginning of a batch'],
  [pointTag0, 'a point'],
  [endTag0, 'a batch'],
  [timerRequest, 'a timer'],
  [stopRequest, 'stop'],
]);

function handlingOf(tag: number): string {
  return handlings.get(tag) ?? 'a request';
}
