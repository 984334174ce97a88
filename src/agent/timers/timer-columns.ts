import { timerClocks } from '../../udf/timers.js';
import type { ByteReader, ByteWriter } from '../state/bytes.js';
import { type Column, readColumn, readOffsets } from '../state/column-reader.js';
import { ColumnWriter } from '../state/column-writer.js';
import { damaged } from '../state/parts.js';
import type { GroupExtras, RestoreExtras } from '../state/table.js';
import type { GroupTimer, GroupTimerClock } from './timer-queue.js';
import { maxTimersPerGroup, type TimerTable } from './timer-table.js';

/** The timers of groups as columns of a snapshot: the number and the head of each group, then the timers of all of them. */
export class TimerColumns implements GroupExtras {
  readonly #table: TimerTable;

  constructor(table: TimerTable) {
    this.#table = table;
  }

  write(writer: ByteWriter, groups: readonly number[]): void {
    const { heads } = this.#table;
    const columns = new ColumnWriter(writer);
    const timers: GroupTimer[] = [];
    columns.integers(groups.map((group) => this.#table.collect(group, timers)));
    const lengths = groups.map((group) => heads.length(group));
    columns.integers(lengths);
    writer.fill(
      lengths.reduce((sum, length) => sum + length, 0),
      (bytes, start) => {
        let at = start;
        for (let index = 0; index < groups.length; index++) {
          heads.copy(groups[index]!, bytes, at);
          at += lengths[index]!;
        }
      },
    );
    if (timers.length === 0) return;
    columns.write(timers.map(({ name }) => name));
    columns.integers(timers.map(({ clock }) => clocks.indexOf(clock)));
    columns.write(timers.map(({ time }) => time));
    columns.write(timers.map(({ order }) => order));
  }

  read(reader: ByteReader, groups: number): RestoreExtras {
    const offsets = readOffsets(reader, groups);
    const count = offsets[groups]!;
    if (count > reader.rest) throw damaged(); // a timer takes more than a byte
    const headOffsets = readOffsets(reader, groups);
    const { bytes } = reader;
    const headsAt = reader.skip(headOffsets[groups]!);
    const names = count === 0 ? none : readColumn(reader, count);
    const clockAt = count === 0 ? none : readColumn(reader, count);
    const times = count === 0 ? none : readColumn(reader, count);
    const orders = count === 0 ? none : readColumn(reader, count);
    if (!reader.isAtEnd) throw damaged();
    return (ordinal, group) => {
      const { heads } = this.#table;
      const headStart = headsAt + headOffsets[ordinal]!;
      const headEnd = headsAt + headOffsets[ordinal + 1]!;
      if (heads.has(group)) this.#table.forget(group); // a forged part has a group twice
      if (headEnd > headStart && !heads.restore(group, bytes, headStart, headEnd)) throw damaged();
      const end = offsets[ordinal + 1]!;
      if (end - offsets[ordinal]! > maxTimersPerGroup) throw damaged();
      for (let at = offsets[ordinal]!; at < end; at++) {
        const name = names(at);
        const clock = clocks[clockAt(at) as number]; // checked with the next line
        const time = times(at);
        const order = orders(at);
        if (typeof name !== 'string' || typeof time !== 'bigint' || clock === undefined) throw damaged();
        if (typeof order !== 'number' || !Number.isSafeInteger(order)) throw damaged();
        this.#table.add(group, name, clock, time, order);
      }
    };
  }

  reserve(groups: number, restored: number, maxBytes: number): void {
    this.#table.heads.reserve(groups, restored, maxBytes);
  }

  forget(group: number): void {
    this.#table.forget(group);
  }

  clear(): void {
    this.#table.clear();
  }
}

/** By their numbers in snapshots. */
const clocks: readonly GroupTimerClock[] = [...timerClocks, 'idle'];

const none: Column = () => undefined;
