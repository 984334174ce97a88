/** A copy of twice the length. */
export function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}

/**
 * The groups in LRU order: a doubly linked list in typed arrays, with the time of each group's newest point and the
 * clock's time at its last use. Clock times never decrease along the list.
 */
export class UseOrder {
  #next = new Int32Array(32).fill(none);
  #previous = new Int32Array(32).fill(none);
  /** Undefined for a group that was added but not used yet. */
  readonly #times: (bigint | undefined)[] = [];
  readonly #clocks: (bigint | undefined)[] = [];
  first = none;
  #last = none;

  timeOf(index: number): bigint | undefined {
    return this.#times[index];
  }

  clockOf(index: number): bigint | undefined {
    return this.#clocks[index];
  }

  /** Time of the last use: the clock's if there is one, since a point's own time may be wrong. */
  lastUse(index: number): bigint | undefined {
    return this.#clocks[index] ?? this.#times[index];
  }

  setClock(index: number, now: bigint | undefined): void {
    this.#clocks[index] = now;
  }

  add(index: number): void {
    while (index >= this.#next.length) {
      this.#next = grown(this.#next);
      this.#previous = grown(this.#previous);
    }
    this.#times[index] = this.#clocks[index] = undefined;
    this.#append(index);
  }

  use(index: number, time: bigint, now: bigint | undefined): void {
    this.#clocks[index] = now;
    const known = this.#times[index];
    this.#times[index] = known === undefined || time > known ? time : known;
    if (index === this.#last) return;
    this.remove(index);
    this.#append(index);
  }

  remove(index: number): void {
    const next = this.#next[index]!;
    const previous = this.#previous[index]!;
    if (previous === none) this.first = next;
    else this.#next[previous] = next;
    if (next === none) this.#last = previous;
    else this.#previous[next] = previous;
  }

  *indexes(): Generator<number> {
    for (let index = this.first; index !== none; index = this.#next[index]!) yield index;
  }

  clear(): void {
    this.first = this.#last = none;
    this.#times.length = this.#clocks.length = 0;
  }

  #append(index: number): void {
    this.#next[index] = none;
    this.#previous[index] = this.#last;
    if (this.#last === none) this.first = index;
    else this.#next[this.#last] = index;
    this.#last = index;
  }
}

const none = -1;
