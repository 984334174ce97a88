import { type Fields, type FieldValue, setEntry, type Tags } from '../../src/model/values.js';
import type { PointMessage, Request } from '../../src/wire/messages.js';

/** A point as tests write and read it; what is left out is empty. */
export interface TestPoint {
  readonly time: bigint;
  readonly fields: Fields;
  readonly name?: string;
  readonly group?: string;
  readonly tags?: Tags;
  readonly dimensions?: readonly string[];
}

export interface TestBatch {
  readonly name: string;
  readonly time: bigint;
  readonly group?: string;
  readonly tags?: Tags;
  readonly points: readonly TestPoint[];
}

export function pointRequest(point: TestPoint): Request {
  const { time, fields, name = '', group = '', tags = {}, dimensions = [] } = point;
  const head = { time, name, database: '', retentionPolicy: '', group, dimensions, tags, byName: false };
  return {
    kind: 'point',
    ...head,
    fieldsDouble: only(fields, (value) => typeof value === 'number'),
    fieldsInt: only(fields, (value) => typeof value === 'bigint'),
    fieldsString: only(fields, (value) => typeof value === 'string'),
    fieldsBool: only(fields, (value) => typeof value === 'boolean'),
  };
}

export function batchRequests({ name, time, group = '', tags = {}, points }: TestBatch): Request[] {
  const head = { name, group, tags, byName: false };
  return [
    { kind: 'begin', ...head, size: BigInt(points.length) },
    ...points.map(pointRequest),
    { kind: 'end', ...head, tmax: time },
  ];
}

/** A point that came out, with all of its fields in one record. */
export function pointOf(message: PointMessage): Required<TestPoint> {
  const { time, name, group, tags, dimensions, fieldsString, fieldsInt, fieldsDouble, fieldsBool } = message;
  return {
    time,
    name,
    group,
    tags,
    dimensions,
    fields: { ...fieldsString, ...fieldsInt, ...fieldsDouble, ...fieldsBool },
  };
}

function only<Kind extends FieldValue>(
  fields: Fields,
  is: (value: FieldValue) => value is Kind,
): Record<string, Kind> {
  const chosen: Record<string, Kind> = {};
  for (const [name, value] of Object.entries(fields)) if (is(value)) setEntry(chosen, name, value);
  return chosen;
}
