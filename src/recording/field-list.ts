import { type FieldValue, setEntry } from '../model/values.js';
import type { ScannedFields } from '../wire/point/template.js';
import { nameBytes, readText } from '../wire/text.js';

// See `ScannedFields.kinds`. V8 inlines a module's own constants.
const double = 1;
const int = 2;
const wideInt = 3;
const text = 4;
const unescapedText = 5;
const bool = 6;

/**
 * A point's fields, in arrays that are reused for the next point. Neighbours in a recording mostly have the same fields in
 * the same order, so the keys of the last point are kept and recognized by their bytes.
 *
 * Values stay in the form that they are found in, numbers or ranges of bytes, until `values` is read.
 */
export class FieldList implements ScannedFields {
  count = 0;
  readonly names: string[] = [];
  /** The names as UTF-8. */
  readonly keys: Uint8Array[] = [];
  buf: Buffer = Buffer.alloc(0);
  kinds = new Uint8Array(16);
  numbers = new Float64Array(16);
  starts = new Int32Array(16);
  ends = new Int32Array(16);
  readonly others: (bigint | string)[] = [];
  /** The names of the fields that were unsigned integers in the recording. */
  readonly unsignedNames: string[] = [];
  /** The keys as written in the recording, with the equals sign. */
  readonly #written: Buffer[] = [];
  /** The number of leading names that are known to be distinct. */
  #distinct = 0;
  readonly #values: FieldValue[] = [];

  /** Starts a point whose texts lie in `buf`. */
  start(buf: Buffer): void {
    if (this.buf !== buf) this.buf = buf;
    this.count = 0;
    if (this.unsignedNames.length > 0) this.unsignedNames.length = 0;
  }

  /** Whether the next field's key is written as in the previous point; if so, it is `length` bytes long. */
  recognizes(buf: Buffer, start: number): boolean {
    const written = this.#written[this.count];
    if (written === undefined) return false;
    const { length } = written;
    let index = 0;
    while (index < length && written[index] === buf[start + index]) index++;
    return index === length;
  }

  /** The bytes of the key that was recognized. */
  get length(): number {
    return this.#written[this.count]!.length;
  }

  /** Sets the next field's key; `written` is its form in the recording. */
  rename(name: string, written: Buffer): void {
    const { count } = this;
    this.names[count] = name;
    this.keys[count] = nameBytes(name);
    this.#written[count] = Buffer.from(written);
    this.#distinct = Math.min(this.#distinct, count);
    if (count >= this.kinds.length) this.#grow();
  }

  // ---- values, each under the key that was recognized or named ----

  addDouble(value: number): void {
    this.numbers[this.count] = value;
    this.kinds[this.count++] = double;
  }

  /** An integer within ±2^53. */
  addInt(value: number): void {
    this.numbers[this.count] = value;
    this.kinds[this.count++] = int;
  }

  addWideInt(value: bigint): void {
    this.others[this.count] = value;
    this.kinds[this.count++] = wideInt;
  }

  addBool(value: boolean): void {
    this.numbers[this.count] = value ? 1 : 0;
    this.kinds[this.count++] = bool;
  }

  /** A text without escapes: the bytes `[start, end)` of the buffer. */
  addText(start: number, end: number): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.kinds[this.count++] = text;
  }

  addUnescapedText(value: string): void {
    this.others[this.count] = value;
    this.kinds[this.count++] = unescapedText;
  }

  /** Completes the point. The last of several fields with one name wins. */
  finish(): void {
    const { count, names } = this;
    if (count <= this.#distinct) return;
    if (new Set(names.slice(0, count)).size === count) this.#distinct = count;
    else this.#merge();
  }

  /** The values as authors read them; valid until the next point. */
  get values(): readonly FieldValue[] {
    for (let index = 0; index < this.count; index++) this.#values[index] = this.value(index);
    return this.#values;
  }

  value(index: number): FieldValue {
    switch (this.kinds[index]) {
      case double:
        return this.numbers[index]!;
      case int:
        return BigInt(this.numbers[index]!);
      case bool:
        return this.numbers[index] === 1;
      case text:
        return readText(this.buf, this.starts[index]!, this.ends[index]!);
      default:
        return this.others[index]!;
    }
  }

  toRecord(): Record<string, FieldValue> {
    const record: Record<string, FieldValue> = {};
    for (let index = 0; index < this.count; index++) setEntry(record, this.names[index]!, this.value(index));
    return record;
  }

  #grow(): void {
    const room = 2 * this.kinds.length;
    this.kinds = grown(this.kinds, new Uint8Array(room));
    this.numbers = grown(this.numbers, new Float64Array(room));
    this.starts = grown(this.starts, new Int32Array(room));
    this.ends = grown(this.ends, new Int32Array(room));
  }

  #merge(): void {
    const last = new Map<string, number>();
    for (let index = 0; index < this.count; index++) last.set(this.names[index]!, index);
    const order = [...last.keys()];
    const sources = [...last.values()];
    const { kinds, numbers, starts, ends, others } = this;
    const old = {
      kinds: kinds.slice(),
      numbers: numbers.slice(),
      starts: starts.slice(),
      ends: ends.slice(),
    };
    const oldOthers = [...others];
    this.#written.length = 0;
    this.#distinct = 0;
    this.count = order.length;
    for (const [index, name] of order.entries()) {
      const source = sources[index]!;
      this.names[index] = name;
      this.keys[index] = nameBytes(name);
      kinds[index] = old.kinds[source]!;
      numbers[index] = old.numbers[source]!;
      starts[index] = old.starts[source]!;
      ends[index] = old.ends[source]!;
      if (oldOthers[source] !== undefined) others[index] = oldOthers[source];
    }
  }
}

function grown<Numbers extends Uint8Array | Float64Array | Int32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
