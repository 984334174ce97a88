import type { Fields, Tags } from '../model/values.js';
import { LineParser } from './line-parser.js';
import type { Series } from './line-series.js';

/** A point as InfluxDB's line protocol has it. */
export interface LinePoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  /** Nanoseconds since the epoch; a line may leave it out. */
  readonly time: bigint | undefined;
}

let parser: LineParser<Series> | undefined;

/**
 * One point of line protocol, with a time in nanoseconds, as InfluxDB 1.x and Kapacitor read it. The text is one
 * point's, though a quoted string in it may hold newlines.
 *
 * Throws `malformed` that says what is wrong and at which column.
 */
export function parseLine(text: string): LinePoint {
  parser ??= new LineParser((name, tags) => ({ name, tags }));
  const bytes = Buffer.from(text);
  parser.parse(bytes, 0, bytes.length);
  const { series, fields, time } = parser;
  return { ...series, fields: fields.toRecord(), time };
}
