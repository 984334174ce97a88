/** The kinds of edge between Kapacitor's nodes: single points, or batches of them. */
export type EdgeType = 'stream' | 'batch';

/** A field's value: `number` is a double, `bigint` an int64. */
export type FieldValue = number | bigint | string | boolean;

/** An int64 as the `long` package represents it; accepted wherever an int64 is. */
export interface LongLike {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

/** A field's value as an author may give it. */
export type FieldInput = FieldValue | LongLike;

export type Fields = Readonly<Record<string, FieldValue>>;
export type FieldInputs = Readonly<Record<string, FieldInput>>;
export type Tags = Readonly<Record<string, string>>;

/** A time in nanoseconds since the epoch. */
export type TimeInput = bigint | LongLike;

/** Sets an entry of a record by an untrusted name; assigning `__proto__` would change the prototype instead. */
export function setEntry<Value>(record: Record<string, Value>, name: string, value: Value): void {
  if (name === '__proto__') {
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    record[name] = value;
  }
}
