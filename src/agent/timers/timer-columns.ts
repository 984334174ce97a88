import { timerClocks } from '../../udf/timers.js';
import type { ByteReader, ByteWriter } from '../state/bytes.js';
import { type Column, readColumn, readOffsets } from '../state/column-reader.js';
import { ColumnWriter } from '../state/column-writer.js';
import { damaged } from '../state/parts.js';
import type { GroupExtras, RestoreExtras } from '../state/table.js';
import { isGroupHead } from './group-head.js';
import { maxTimersPerGroup, type TimerTable } from './timer-table.js';

/** The timers of groups as columns of a snapshot: the number and the head of each group, then the timers of all of them. */
export class TimerColumns implements GroupExtras {
  readonly #table: TimerTable;

  constructor(table: TimerTable) {
    this.#table = table;
  }

  write(writer: ByteWriter, groups: readonly number[]): void {
    const columns = new ColumnWriter(writer);
    const timers = groups.flatMap((group) => this.#table.timersOf(group));
    columns.integers(groups.map((group) => this.#table.timersOf(group).length));
    columns.write(groups.map((group) => this.#table.head(group)));
    if (timers.length === 0) return;
    columns.write(timers.map(({ name }) => name));
    columns.integers(timers.map(({ clock }) => timerClocks.indexOf(clock)));
    columns.write(timers.map(({ time }) => time));
    columns.write(timers.map(({ order }) => order));
  }

  read(reader: ByteReader, groups: number): RestoreExtras {
    const offsets = readOffsets(reader, groups);
    const count = offsets[groups]!;
    if (count > reader.rest) throw damaged(); // a timer takes more than a byte
    const heads = readColumn(reader, groups);
    const names = count === 0 ? none : readColumn(reader, count);
    const clocks = count === 0 ? none : readColumn(reader, count);
    const times = count === 0 ? none : readColumn(reader, count);
    const orders = count === 0 ? none : readColumn(reader, count);
    if (!reader.isAtEnd) throw damaged();
    return (ordinal, group) => {
      const head = heads(ordinal);
      if (head !== undefined) {
        if (typeof head !== 'string' || !isGroupHead(head)) throw damaged();
        this.#table.setHead(group, head);
      }
      const end = offsets[ordinal + 1]!;
      if (end - offsets[ordinal]! > maxTimersPerGroup) throw damaged();
      for (let at = offsets[ordinal]!; at < end; at++) {
        const name = names(at);
        const clock = timerClocks[clocks(at) as number]; // checked with the next line
        const time = times(at);
        const order = orders(at);
        if (typeof name !== 'string' || typeof time !== 'bigint' || clock === undefined) throw damaged();
        if (typeof order !== 'number' || !Number.isSafeInteger(order)) throw damaged();
        this.#table.add({ group, name, clock, time, order, slot: undefined });
      }
    };
  }

  forget(group: number): void {
    this.#table.forget(group);
  }

  clear(): void {
    this.#table.clear();
  }
}

const none: Column = () => undefined;
