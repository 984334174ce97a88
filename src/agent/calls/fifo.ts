/** Consumed entries at the head that are tolerated before the rest is moved. */
const maxConsumed = 256;

/** A queue whose oldest item is removed in constant time, amortized; `Array.shift` moves all the others. */
export class Fifo<Item extends object> {
  #items: (Item | undefined)[] = [];
  #next = 0;

  get length(): number {
    return this.#items.length - this.#next;
  }

  /** The oldest item. */
  get first(): Item | undefined {
    return this.#items[this.#next];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Removes the oldest item. */
  shift(): Item | undefined {
    const item = this.#items[this.#next];
    if (item === undefined) return undefined;
    this.#items[this.#next++] = undefined;
    if (this.#next >= maxConsumed && 2 * this.#next >= this.#items.length) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let index = this.#next; index < this.#items.length; index++) yield this.#items[index]!;
  }

  clear(): void {
    this.#items = [];
    this.#next = 0;
  }
}
