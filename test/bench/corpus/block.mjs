import { ByteWriter } from './bytes.mjs';
import { fieldKinds, fieldValues, groupTags, random } from './shape.mjs';

/**
 * A stretch of a stream, encoded as Kapacitor would, that is sent again and again. With each pass its times move on,
 * as a UDF that drops late points needs it; for that two bytes of each time are overwritten, which costs next to nothing.
 */
export class Block {
  #units;
  #times;
  #changes;
  #patched = 0;
  #pass = 0;

  /**
   * @param {Buffer} bytes
   * @param {object} parts
   * @param {Int32Array} parts.units Where each point of a stream, or each batch, starts.
   * @param {Int32Array} parts.times Where each time is.
   * @param {number} parts.unitPoints How many points each has.
   * @param {{ first: Uint32Array, again: Uint32Array }} parts.changes See `countChanges`.
   */
  constructor(bytes, { units, times, unitPoints, changes }) {
    this.bytes = bytes;
    this.unitPoints = unitPoints;
    this.#units = units;
    this.#times = times;
    this.#changes = changes;
  }

  /** How many points, or batches, the block has. */
  get units() {
    return this.#units.length;
  }

  get points() {
    return this.units * this.unitPoints;
  }

  /** Where a point or batch starts; where the block ends for the one behind the last. */
  start(unit) {
    return unit < this.units ? this.#units[unit] : this.bytes.length;
  }

  /** The first point or batch that starts at `at` or behind. */
  unitFrom(at) {
    let low = 0;
    let high = this.units;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#units[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Sets the times of all points that start before `end` to the pass. To be called with growing `end`. */
  stamp(pass, end) {
    if (pass >= 1 << 14) throw new Error('too many passes over one block');
    if (pass !== this.#pass) this.#patched = 0;
    this.#pass = pass;
    const low = (pass & 0x7f) | 0x80;
    const high = (pass >> 7) | 0x80;
    const times = this.#times;
    while (this.#patched < times.length && times[this.#patched] < end) {
      const at = times[this.#patched++];
      this.bytes[at + 5] = low;
      this.bytes[at + 6] = high;
    }
  }

  /** How many of the first so many points sent are a group's first, or have another watched value than the one before. */
  changes(points) {
    const { first, again } = this.#changes;
    const whole = this.points;
    if (points < whole) return first[points];
    return first[whole] + (Math.floor(points / whole) - 1) * again[whole] + again[points % whole];
  }

  /** The same bytes once more, for another connection. */
  copy() {
    const { unitPoints } = this;
    const [units, times, changes] = [this.#units, this.#times, this.#changes];
    return new Block(Buffer.from(this.bytes), { units, times, unitPoints, changes });
  }
}

/** Times start here and take nine bytes. Bits 0 to 34 are for points of a pass, 35 to 48 for the pass. */
const epoch = (1_514_979_051_065_000_000n >> 49n) << 49n;
const passBits = 35;

/**
 * Encodes points of all groups in turn, each group at least once.
 *
 * @param {import('./shape.mjs').Shape} shape
 * @param {number} minBytes
 */
export function createBlock(shape, minBytes) {
  const writer = new ByteWriter(minBytes + 1024 * 1024);
  const next = random(shape.seed);
  const groups = shape.tags === 0 ? 1 : shape.groups;
  const encode = shape.batch > 0 ? batchEncoder(shape, writer, next) : pointEncoder(shape, writer, next);
  const units = [];
  const times = [];
  const watched = [];
  while (writer.at < minBytes || units.length % groups !== 0) {
    const group = units.length % groups;
    units.push(writer.at);
    encode({
      group,
      time: epoch + BigInt(watched.length * timeStep),
      noteTime: () => times.push(writer.timeAt),
      noteValue: (value) => watched.push({ group, value }),
    });
  }
  if (watched.length * timeStep >= 2 ** passBits) throw new Error('too many points in one block');
  return new Block(Buffer.from(writer.buf.subarray(0, writer.at)), {
    units: Int32Array.from(units),
    times: Int32Array.from(times),
    unitPoints: Math.max(1, shape.batch),
    changes: countChanges(watched),
  });
}

/** Nanoseconds between points. */
const timeStep = 10_000;

function pointEncoder(shape, writer, next) {
  const fields = fieldsEncoder(shape, writer, next);
  return ({ group, time, noteTime, noteValue }) => {
    const tags = groupTags(shape, group);
    writer.reserve(pointRoom(shape));
    writer.frame(17, () => {
      writer.timeField(1, time);
      writer.textField(2, 'adsl_connection');
      writer.textField(3, 'telegraf');
      writer.textField(4, 'autogen');
      writer.textField(5, groupName(tags));
      if (tags.length > 0) writer.textField(6, tags[0][0]);
      tagsField(writer, 7, tags, next);
      noteValue(fields(group));
    });
    noteTime();
  };
}

/** A batch of one group: its points have no name, database, retention policy or dimensions, as Kapacitor sends them. */
function batchEncoder(shape, writer, next) {
  const fields = fieldsEncoder(shape, writer, next);
  return ({ group, time, noteTime, noteValue }) => {
    const tags = groupTags(shape, group);
    const add = (number, write) => {
      writer.reserve(pointRoom(shape));
      writer.frame(number, write);
    };
    add(16, () => {
      writer.textField(1, 'adsl_connection');
      writer.textField(2, groupName(tags));
      tagsField(writer, 3, tags.slice(0, 1), next);
      writer.varintField(4, shape.batch);
    });
    for (let point = 0; point < shape.batch; point++) {
      add(17, () => {
        writer.timeField(1, time + BigInt(point * timeStep));
        writer.textField(5, groupName(tags));
        tagsField(writer, 7, tags, next);
        noteValue(fields(group));
      });
      noteTime();
    }
    add(18, () => {
      writer.textField(1, 'adsl_connection');
      writer.textField(2, groupName(tags));
      writer.timeField(3, time + BigInt(shape.batch * timeStep));
      tagsField(writer, 4, tags.slice(0, 1), next);
    });
    noteTime();
  };
}

/** As Kapacitor names the group of a stream that is grouped by its first tag. */
function groupName(tags) {
  return tags.length > 0 ? `${tags[0][0]}=${tags[0][1]}` : '';
}

/** More than a point of this shape takes. */
function pointRoom({ tags, fields, textBytes }) {
  return 256 + 64 * (tags + fields) + textBytes;
}

function tagsField(writer, number, tags, next) {
  inGoOrder(tags, next, ([name, value]) => {
    writer.messageField(number, () => {
      writer.textField(1, name);
      writer.textField(2, value);
    });
  });
}

/** Writes the four maps of a point's fields and returns the watched value. */
function fieldsEncoder(shape, writer, next) {
  const fields = fieldKinds(shape).map(([name, kind]) => ({
    name,
    kind,
    value: fieldValues(shape, name, kind, next),
  }));
  const maps = [
    [8, 'double', (value) => writer.doubleField(2, value)],
    [9, 'int', (value) => writer.varintField(2, value)],
    [10, 'string', (value) => writer.textField(2, value)],
    [12, 'bool', (value) => (writer.varint(2 * 8), writer.varint(value ? 1 : 0))],
  ].map(([number, kind, write]) => ({
    number,
    write,
    fields: fields.filter((field) => field.kind === kind),
  }));
  return (group) => {
    let watched;
    for (const { number, write, fields: ofKind } of maps) {
      inGoOrder(ofKind, next, ({ name, value }) => {
        const now = value(group);
        if (name === shape.watch) watched = now;
        writer.messageField(number, () => {
          writer.textField(1, name);
          write(now);
        });
      });
    }
    return watched;
  };
}

/** Go walks a map from a random place on, and so does Kapacitor when it writes one. */
function inGoOrder(entries, next, visit) {
  const { length } = entries;
  const start = length > 1 ? Math.floor(next() * length) : 0;
  for (let index = 0; index < length; index++) visit(entries[(start + index) % length]);
}

/** By number of points: how many of them change a group's value, in the first pass over the block and in later ones. */
function countChanges(watched) {
  const last = new Map();
  const pass = () => {
    const sums = new Uint32Array(watched.length + 1);
    watched.forEach(({ group, value }, index) => {
      sums[index + 1] = sums[index] + (last.get(group) === value ? 0 : 1);
      last.set(group, value);
    });
    return sums;
  };
  return { first: pass(), again: pass() };
}
