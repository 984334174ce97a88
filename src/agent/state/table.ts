import { randomInt } from 'node:crypto';
import type { ByteReader, ByteWriter } from './bytes.js';
import { GroupClock } from './clock.js';
import type { Column } from './column-reader.js';
import { encoded, EncodedStates } from './encoded-states.js';
import { GroupNames } from './names.js';
import { grown, UseOrder } from './use-order.js';

/** When a group's state is removed; never by default. */
export interface GroupExpiry {
  /** Nanoseconds without points, in the points' own time. */
  readonly ttl?: bigint | undefined;
  /** Max groups; the least recently used is removed first. */
  readonly max?: number | undefined;
}

/** What groups have besides their states, by the groups' indexes. */
export interface GroupExtras {
  /** Writes what these groups have. */
  write(writer: ByteWriter, groups: readonly number[]): void;
  /** Reads what `write` has written, for this many groups. Throws `snapshot_damaged`. */
  read(reader: ByteReader, groups: number): RestoreExtras;
  /** Allocates for this many groups at once, at most `maxBytes`, assuming that they are like the `restored` ones so far. */
  reserve(groups: number, restored: number, maxBytes: number): void;
  /** The group at `index` has expired. */
  forget(index: number): void;
  /** There are no groups any more. */
  clear(): void;
}

/** Gives the group at `index` what was written for it as number `ordinal`, from 0. Throws `snapshot_damaged`. */
export type RestoreExtras = (ordinal: number, index: number) => void;

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
  /** What groups have besides their states, as snapshots hold it. */
  extras: GroupExtras | undefined;

  /** Open addressing: an entry's index plus one, 0 for none. At most half full. */
  #slots = new Int32Array(64);
  #hashes = new Int32Array(32);
  readonly #names = new GroupNames(randomInt(0x7fff_ffff));
  /** `encoded` where the state is in `#encoded`. */
  readonly #states: unknown[] = [];
  readonly #encoded = new EncodedStates();
  /** Indexes of removed entries, for reuse. */
  readonly #free: number[] = [];
  #size = 0;
  #expired = 0;
  /** Keeps the compiler from leaving out the reads of `hashNames`. */
  #occupied = 0;

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
    return this.#find(buf, start, length, this.#names.hash(buf, start, length), this.#create);
  }

  #find(buf: Uint8Array, start: number, length: number, hash: number, create: () => unknown): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1;
      if (index < 0) {
        const state = create();
        const free = this.#free.pop() ?? this.#states.length;
        this.#names.keep(free, buf, start, length);
        this.#add(free, slot, hash, state);
        return free;
      }
      if (this.#hashes[index] === hash && this.#names.is(index, buf, start, length)) return index;
    }
  }

  state(index: number): unknown {
    const state = this.#states[index];
    return state === encoded ? this.#decode(index) : state;
  }

  /** A group's state, which must not be changed: it may be a copy. */
  peek(index: number): unknown {
    const state = this.#states[index];
    return state === encoded ? this.#encoded.decode(index) : state;
  }

  setState(index: number, state: unknown): void {
    if (this.#states[index] === encoded) this.#encoded.drop(index);
    this.#states[index] = state;
  }

  #decode(index: number): unknown {
    const state = this.#encoded.decode(index);
    this.setState(index, state);
    return state;
  }

  /** Records a point of a group at `time`. A group whose last point is older than the ttl gets a new state. */
  enter(index: number, time: bigint): void {
    const last = this.#order?.timeOf(index);
    if (this.#ttl !== undefined && last !== undefined && last + this.#ttl < time) {
      this.setState(index, this.#create());
      this.#expired++;
      this.extras?.forget(index);
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

  /** Whether there is a group at `index`. */
  has(index: number): boolean {
    return this.#names.has(index);
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
      yield [this.#names.binary(index)!, this.peek(index), this.lastUse(index)];
    }
  }

  /** Allocates for this many groups at once, instead of doubling. There must be none yet. */
  reserve(expected: number): void {
    const groups = Math.min(expected, this.#max);
    if (groups <= this.#hashes.length) return;
    const length = 2 ** Math.ceil(Math.log2(groups));
    this.#slots = new Int32Array(2 * length);
    this.#hashes = new Int32Array(length);
  }

  /**
   * Allocates for the names and the extras of this many groups in all, each at most `maxBytes`, assuming that they are like
   * those so far.
   */
  reserveLike(expected: number, maxBytes: number): void {
    const groups = Math.min(expected, this.#max);
    this.#names.reserveLike(groups, this.#size, maxBytes);
    this.extras?.reserve(groups, this.#size, maxBytes);
  }

  /**
   * The hashes of names at these offsets from `buf[start]`, for `restoreNamed`. Each name's slot is read, so that it will be
   * in the processor's cache: here the memory delivers many at a time, but to `restoreNamed` one at a time.
   */
  hashNames(buf: Uint8Array, start: number, offsets: Uint32Array): Int32Array {
    const hashes = new Int32Array(offsets.length - 1);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let found = 0;
    for (let name = 0; name < hashes.length; name++) {
      const offset = offsets[name]!;
      const hash = this.#names.hash(buf, start + offset, offsets[name + 1]! - offset);
      hashes[name] = hash;
      if (slots[hash & mask] !== 0) found++;
    }
    this.#occupied = found;
    return hashes;
  }

  /** The length of a group's name in bytes; the group must exist. */
  nameLength(index: number): number {
    return this.#names.length(index);
  }

  /** Copies the name of a group, which must exist, to `to[at…)`. */
  copyName(index: number, to: Uint8Array, at: number): void {
    this.#names.copy(index, to, at);
  }

  /** The time of a group's last use, where that is kept. */
  lastUse(index: number): bigint | undefined {
    return this.#order?.lastUse(index);
  }

  /** Puts a group back as `entries` gave it, and returns its index. */
  restore([name, state, time]: GroupEntry): number {
    const bytes = Buffer.from(name, 'latin1');
    const hash = this.#names.hash(bytes, 0, bytes.length);
    const index = this.restoreNamed(bytes, 0, bytes.length, hash, time);
    this.setState(index, state);
    return index;
  }

  /** Adds states that are decoded when they are needed. Returns the ordinal of the first one, for `setEncoded`. */
  addEncoded(states: Column, count: number): number {
    return this.#encoded.add(states, count);
  }

  /** Gives a group that has just been restored its state. */
  setEncoded(index: number, ordinal: number): void {
    this.setState(index, encoded);
    this.#encoded.set(index, ordinal);
  }

  /** Puts the group named `buf[start..start + length)` back, without its state; `hash` is the name's, from `hashNames`. */
  restoreNamed(
    buf: Uint8Array,
    start: number,
    length: number,
    hash: number,
    time: bigint | undefined,
  ): number {
    const index = this.#find(buf, start, length, hash, noState);
    if (time !== undefined) this.touch(index, time);
    else if (this.#order) this.#forgetDue(index);
    return index;
  }

  clear(): void {
    this.#slots = new Int32Array(64);
    this.#hashes = new Int32Array(32);
    this.#names.clear();
    this.#states.length = this.#free.length = 0;
    this.#encoded.clear();
    this.#size = 0;
    this.#clock?.clear();
    this.#order?.clear();
    this.extras?.clear();
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
    this.setState(index, undefined);
    this.#free.push(index);
    this.#order!.remove(index);
    this.#clock?.forget(index);
    this.#size--;
    this.extras?.forget(index);
  }
}

/** A group's name (one character a byte), its state, and the time of its last use where that is kept. */
export type GroupEntry = readonly [name: string, state: unknown, time: bigint | undefined];

const noState = (): unknown => undefined;
