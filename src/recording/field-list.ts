import { type FieldValue, setEntry } from '../model/values.js';
import { nameBytes } from '../wire/text.js';

/**
 * A point's fields, in arrays that are reused for the next point. Neighbours in a recording mostly have the same fields in
 * the same order, so the keys of the last point are kept and recognized by their bytes.
 */
export class FieldList {
  count = 0;
  readonly names: string[] = [];
  /** The names as UTF-8. */
  readonly keys: Uint8Array[] = [];
  readonly values: FieldValue[] = [];
  /** The keys as written in the recording, with the equals sign. */
  readonly #written: Buffer[] = [];
  /** The number of leading names that are known to be distinct. */
  #distinct = 0;

  clear(): void {
    this.count = 0;
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
  }

  /** Adds a value under the key that was recognized or named. */
  add(value: FieldValue): void {
    this.values[this.count++] = value;
  }

  /** Completes the point. The last of several fields with one name wins. */
  finish(): void {
    const { count, names } = this;
    if (count <= this.#distinct) return;
    if (new Set(names.slice(0, count)).size === count) this.#distinct = count;
    else this.#merge();
  }

  toRecord(): Record<string, FieldValue> {
    const record: Record<string, FieldValue> = {};
    for (let index = 0; index < this.count; index++)
      setEntry(record, this.names[index]!, this.values[index]!);
    return record;
  }

  #merge(): void {
    const last = new Map(this.names.slice(0, this.count).map((name, index) => [name, this.values[index]!]));
    this.count = 0;
    this.#written.length = 0;
    this.#distinct = 0;
    for (const [name, value] of last) {
      this.names[this.count] = name;
      this.keys[this.count] = nameBytes(name);
      this.add(value);
    }
  }
}
