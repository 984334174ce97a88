import { randomInt } from 'node:crypto';
import { GroupClock } from './clock.js';
import { GroupNames } from './names.js';

/** When a group's state is removed; never by default. */
export interface GroupExpiry {
  /** Nanoseconds without points, in the points' own time. */
  readonly ttl?: bigint | undefined;
  /** Max groups; the least recently used is removed first. */
  readonly max?: number | undefined;
}

/**
 * The state of each group, found by the bytes of its name.
 *
 * A `Map` would need a new string per point, which costs more than all other work on it. Here the bytes are hashed and
 * compared in place.
 */
export class GroupTable {
  readonly #create: () => unknown;
  readonly #max: number;
  readonly #ttl: bigint | undefined;
  readonly #clock: GroupClock | undefined;
  readonly #order: UseOrder | undefined;

  /** Open addressing: an entry's index plus one, 0 for none. At most half full. */
  #slots = new Int32Array(64);
  #hashes = new Int32Array(32);
  readonly #names = new GroupNames(randomInt(0x7fff_ffff));
  readonly #states: unknown[] = [];
  /** Indexes of removed entries, for reuse. */
  readonly #free: number[] = [];
  #size = 0;
  #expired = 0;

  constructor(create: () => unknown, { ttl, max }: GroupExpiry = {}) {
    this.#create = create;
    this.#ttl = ttl;
    this.#max = max ?? Infinity;
    this.#clock = ttl === undefined ? undefined : new GroupClock(ttl);
    this.#order = ttl === undefined && max === undefined ? undefined : new UseOrder();
  }

  get size(): number {
    return this.#size;
  }

  /** Groups whose state was removed because of the ttl or the maximum. */
  get expired(): number {
    return this.#expired;
  }

  /** Whether `touch` must be called on each use. */
  get expires(): boolean {
    return this.#order !== undefined;
  }

  /** The index of the group named `buf[start..start + length)`, which is created if it is new. */
  findOrCreate(buf: Uint8Array, start: number, length: number): number {
    const hash = this.#names.hash(buf, start, length);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1;
      if (index < 0) {
        const state = this.#create();
        const free = this.#free.pop() ?? this.#states.length;
        this.#names.keep(free, buf, start, length);
        this.#add(free, slot, hash, state);
        return free;
      }
      if (this.#hashes[index] === hash && this.#names.is(index, buf, start, length)) return index;
    }
  }

  state(index: number): unknown {
    return this.#states[index];
  }

  setState(index: number, state: unknown): void {
    this.#states[index] = state;
  }

  /** Records a point of a group at `time`. A group whose last point is older than the ttl gets a new state. */
  enter(index: number, time: bigint): void {
    const last = this.#order?.timeOf(index);
    if (this.#ttl !== undefined && last !== undefined && last + this.#ttl < time) {
      this.#states[index] = this.#create();
      this.#expired++;
    }
    this.touch(index, time);
  }

  /** Records a use of a group at `time`, and removes expired groups; never this one. */
  touch(index: number, time: bigint): void {
    const order = this.#order;
    if (!order) return;
    const confirmed = this.#clock?.note(index, time);
    if (confirmed !== undefined) order.setClock(confirmed, this.#clock?.now);
    order.use(index, time, this.#clock?.now);
    this.#forgetDue(index);
  }

  #forgetDue(kept: number): void {
    const order = this.#order!;
    while (order.first !== kept && (this.#size > this.#max || this.#isOver(order.first))) {
      this.#forget(order.first);
      this.#expired++;
    }
  }

  #isOver(index: number): boolean {
    return this.#clock?.isOver(this.#order!.clockOf(index)) ?? false;
  }

  /** A group's name in latin1, one character per byte; `undefined` if there is no such group. */
  name(index: number): string | undefined {
    return this.#names.binary(index);
  }

  /** The groups' indexes, least recently used first if expiry is on. */
  *indexes(): Generator<number> {
    for (const index of this.#order ? this.#order.indexes() : this.#states.keys()) {
      if (this.#names.has(index)) yield index;
    }
  }

  /** Each group as `[name, state, time of last use]`, least recently used first if expiry is on. */
  *entries(): Generator<GroupEntry> {
    for (const index of this.indexes()) {
      yield [this.#names.binary(index)!, this.#states[index], this.#order?.lastUse(index)];
    }
  }

  /** Puts a group back as `entries` gave it. */
  restore([name, state, time]: GroupEntry): void {
    const bytes = Buffer.from(name, 'latin1');
    const index = this.findOrCreate(bytes, 0, bytes.length);
    this.#states[index] = state;
    if (time !== undefined) this.touch(index, time);
    else if (this.#order) this.#forgetDue(index);
  }

  clear(): void {
    this.#slots = new Int32Array(64);
    this.#hashes = new Int32Array(32);
    this.#names.clear();
    this.#states.length = this.#free.length = 0;
    this.#size = 0;
    this.#clock?.clear();
    this.#order?.clear();
  }

  /** Adds the group whose name is kept at `index`. */
  #add(index: number, slot: number, hash: number, state: unknown): void {
    this.#states[index] = state;
    if (index >= this.#hashes.length) this.#hashes = grown(this.#hashes);
    this.#hashes[index] = hash;
    this.#slots[slot] = index + 1;
    this.#order?.add(index);
    this.#size++;
    if (2 * this.#size > this.#slots.length) this.#rehash();
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    const mask = this.#slots.length - 1;
    for (let index = 0; index < this.#states.length; index++) {
      if (!this.#names.has(index)) continue;
      let slot = this.#hashes[index]! & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
  }

  #forget(index: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#hashes[index]! & mask;
    while (slots[hole] !== index + 1) hole = (hole + 1) & mask;
    // Backward-shift deletion: entries that probed past the hole move into it, so that no search stops early.
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashes[slots[slot]! - 1]! & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = slots[slot]!;
        hole = slot;
      }
    }
    slots[hole] = 0;
    this.#names.remove(index);
    this.#states[index] = undefined;
    this.#free.push(index);
    this.#order!.remove(index);
    this.#clock?.forget(index);
    this.#size--;
  }
}

/** A group's name (one character a byte), its state, and the time of its last use where that is kept. */
export type GroupEntry = readonly [name: string, state: unknown, time: bigint | undefined];

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}

/**
 * The groups in LRU order: a doubly linked list in typed arrays, with the time of each group's newest point and the
 * clock's time at its last use. Clock times never decrease along the list.
 */
class UseOrder {
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
