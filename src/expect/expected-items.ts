import type { Batch } from '../model/batch.js';
import type { AnyPoint, Point } from '../model/point.js';
import type { FieldInput, FieldInputs, FieldValue, Tags, TimeInput } from '../model/values.js';
import { int64Of, isLongLike } from '../wire/int64.js';
import { showLine } from '../recording/format-line.js';
import { parseLines } from '../recording/line-protocol.js';
import { causingInput } from './output-notes.js';

/** An expected point. Only the given properties are compared, tags and fields each as a whole. */
export interface ExpectedPoint {
  readonly name?: string | undefined;
  readonly tags?: Tags | undefined;
  readonly fields?: FieldInputs | undefined;
  readonly time?: TimeInput | undefined;
}

/** An expected batch. Only the given properties are compared. */
export interface ExpectedBatch {
  readonly name?: string | undefined;
  readonly tags?: Tags | undefined;
  readonly time?: TimeInput | undefined;
  readonly points?: string | readonly ExpectedPoint[] | undefined;
}

/** An actual point or batch: its text in messages, and the input that caused it, if known. */
export interface ActualItem {
  readonly text: string;
  readonly input: string | undefined;
  readonly value: AnyPoint | Batch;
}

/** An expected point or batch. */
export interface ExpectedItem {
  readonly text: string;
  matches(value: AnyPoint | Batch): boolean;
}

/** `batch` is the name of the batch that contains the point. */
export function actualPoint(point: AnyPoint, batch?: string): ActualItem {
  const { tags, fields, time } = point;
  const name = batch ?? (point as Point).name; // without a batch, it is a stream point
  const text = showLine({ name, tags, fields, time });
  return { text: indent(text, batch), input: causingInput(point), value: point };
}

export function actualBatch(batch: Batch): ActualItem {
  const { name, tags, time } = batch;
  return { text: showBatch(name, tags, time), input: causingInput(batch), value: batch };
}

/** Parses line protocol; returns objects unchanged. Throws `malformed` for invalid lines. */
export function parseExpectedPoints(expected: string | readonly ExpectedPoint[]): readonly ExpectedPoint[] {
  return typeof expected === 'string' ? parseLines(expected) : expected;
}

/** `batch` is the name of the batch that contains the point; its own name is then not compared. */
export function expectedPoint(expected: ExpectedPoint, tolerance: number, batch?: string): ExpectedItem {
  const { name, tags, fields } = expected;
  const time = expected.time === undefined ? undefined : int64Of(expected.time, 'an expected time');
  const values = fields && toMap(fields, toFieldValue);
  const shown = { name: batch ?? name ?? '…', tags: tags ?? {}, fields: {}, time };
  const text = values
    ? showLine({ ...shown, fields: Object.fromEntries(values) })
    : `${shown.name} … ${time ?? ''}`;
  return {
    text: indent(text.trimEnd(), batch),
    matches: (value) =>
      !('points' in value) &&
      (batch !== undefined || name === undefined || (value as Point).name === name) &&
      (time === undefined || value.time === time) &&
      (tags === undefined || areEntriesEqual(toMap(tags), toMap(value.tags))) &&
      (values === undefined || areEntriesEqual(values, toMap(value.fields), tolerance)),
  };
}

export function expectedBatch(expected: ExpectedBatch): ExpectedItem {
  const { name, tags } = expected;
  const time = expected.time === undefined ? undefined : int64Of(expected.time, 'an expected time');
  return {
    text: showBatch(name, tags, time),
    matches: (value) =>
      'points' in value &&
      (name === undefined || value.name === name) &&
      (time === undefined || value.time === time) &&
      (tags === undefined || areEntriesEqual(toMap(tags), toMap(value.tags))),
  };
}

function showBatch(name: string | undefined, tags: Tags | undefined, time: bigint | undefined): string {
  const pairs = Object.entries(tags ?? {}).map(([tag, value]) => `,${tag}=${value}`);
  return `batch ${name ?? '…'}${pairs.join('')} ${time ?? ''}`.trimEnd();
}

function indent(text: string, batch: string | undefined): string {
  return batch === undefined ? text : `  ${text}`;
}

function toFieldValue(value: FieldInput): FieldValue {
  return isLongLike(value) ? int64Of(value, 'an expected field') : value;
}

function toMap<In, Out = In>(
  record: Readonly<Record<string, In>>,
  convert: (value: In) => Out = (value) => value as unknown as Out, // without a conversion, Out is In
): Map<string, Out> {
  return new Map(Object.entries(record).map(([key, value]) => [key, convert(value)]));
}

function areEntriesEqual(
  expected: ReadonlyMap<string, FieldValue>,
  actual: ReadonlyMap<string, FieldValue>,
  tolerance = 0,
): boolean {
  if (expected.size !== actual.size) return false;
  for (const [key, value] of expected) {
    if (!actual.has(key) || !areValuesEqual(value, actual.get(key)!, tolerance)) return false;
  }
  return true;
}

function areValuesEqual(expected: FieldValue, actual: FieldValue, tolerance: number): boolean {
  if (expected === actual || Object.is(expected, actual)) return true;
  if (typeof expected !== 'number' || typeof actual !== 'number' || !Number.isFinite(expected)) return false;
  return Math.abs(expected - actual) <= tolerance * Math.abs(expected);
}
