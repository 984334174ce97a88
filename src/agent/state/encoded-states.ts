import type { Column } from './column-reader.js';
import { grown } from './use-order.js';

/** Stands for a state in the table that is still encoded. */
export const encoded: unique symbol = Symbol('encoded');

/**
 * States of a restored snapshot that no point has needed yet. Decoding a million of them at once would take as long again as
 * the rest of the restore, most of it in the garbage collector, which copies each object twice.
 */
export class EncodedStates {
  /** In the order of their ordinals. */
  readonly #columns: EncodedColumn[] = [];
  #next = 0;
  /** The ordinal of each group's state. */
  #ordinals = new Int32Array(32);

  /** Adds a column of `count` states. Returns the ordinal of the first one. */
  add(column: Column, count: number): number {
    const first = this.#next;
    this.#columns.push({ first, column, rest: count });
    this.#next += count;
    return first;
  }

  /** Makes a group's state the one with this ordinal. */
  set(group: number, ordinal: number): void {
    while (group >= this.#ordinals.length) this.#ordinals = grown(this.#ordinals);
    this.#ordinals[group] = ordinal;
  }

  /** A group's state, a new object at each call. */
  decode(group: number): unknown {
    const ordinal = this.#ordinals[group]!;
    const { first, column } = this.#columnOf(ordinal);
    return column!(ordinal - first); // there until each of its states was dropped
  }

  /** To be called when a group's state is not needed any more: a column goes with the last one. */
  drop(group: number): void {
    const holder = this.#columnOf(this.#ordinals[group]!);
    if (--holder.rest === 0) holder.column = undefined;
  }

  /** Columns in memory. */
  get columns(): number {
    return this.#columns.filter(({ column }) => column).length;
  }

  clear(): void {
    this.#columns.length = this.#next = 0;
    this.#ordinals = new Int32Array(32);
  }

  #columnOf(ordinal: number): EncodedColumn {
    let low = 0;
    for (let high = this.#columns.length - 1; low < high;) {
      const middle = (low + high + 1) >>> 1;
      if (this.#columns[middle]!.first <= ordinal) low = middle;
      else high = middle - 1;
    }
    return this.#columns[low]!;
  }
}

interface EncodedColumn {
  /** The ordinal of its first state. */
  readonly first: number;
  column: Column | undefined;
  /** How many of its states are still needed. */
  rest: number;
}
