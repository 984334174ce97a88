import { parseDuration } from '../../src/udf/duration.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import type { OptionType } from '../../src/udf/option.js';
import { type Fields, type FieldValue, setEntry, type Tags } from '../../src/values.js';
import type {
  ArgumentMessage,
  OptionMessage,
  PointMessage,
  Request,
  Response,
} from '../../src/wire/messages.js';

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

/** The options of a use, as a TICKscript would give them; a list calls the option once for each element. */
export type TestOptions = Readonly<Record<string, OptionInput | readonly OptionInput[]>>;

/** A duration may be given as in a TICKscript: '30s'. */
export type OptionInput = string | number | bigint | boolean;

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

/** The batches among the responses. Throws if their begins and ends do not fit, or a size is not the true one. */
export function batchesOf(responses: readonly Response[]): TestBatch[] {
  const batches: TestBatch[] = [];
  let open: { size: bigint; points: TestPoint[] } | undefined;
  for (const response of responses) {
    if (response.kind === 'begin') {
      if (open) throw new Error('a batch begins inside another');
      open = { size: response.size, points: [] };
    } else if (response.kind === 'point') {
      if (!open) throw new Error('a point outside a batch');
      open.points.push(pointOf(response));
    } else if (response.kind === 'end') {
      if (open?.size !== BigInt(open?.points.length ?? -1)) throw new Error('a batch with a wrong size');
      const { name, group, tags, tmax: time } = response;
      batches.push({ name, group, tags, time, points: open.points });
      open = undefined;
    }
  }
  if (open) throw new Error('a batch that does not end');
  return batches;
}

/** The calls that a TICKscript with these options makes, typed as the definition has them. */
export function optionCalls(definition: UdfDefinition, options: TestOptions): OptionMessage[] {
  return Object.entries(options).flatMap(([name, given]) => {
    const type = Object.hasOwn(definition.options, name)
      ? definition.options[name]?.args[0]?.type
      : undefined;
    const inputs: readonly OptionInput[] = Array.isArray(given) ? given : [given];
    return inputs.map((input) => ({ name, args: [argument(input, type)] }));
  });
}

/** An argument of the option's own type where the input can be one; else of the type that it looks like. */
function argument(input: OptionInput, type: OptionType | undefined): ArgumentMessage {
  if (typeof input === 'boolean') return { type: 'bool', value: input };
  if (typeof input === 'string') {
    return type === 'duration' ? { type, value: parseDuration(input) } : { type: 'string', value: input };
  }
  if (typeof input === 'bigint') return { type: type === 'duration' ? type : 'int', value: input };
  if (type === 'double' || !Number.isInteger(input)) return { type: 'double', value: input };
  return { type: 'int', value: BigInt(input) };
}

function only<Kind extends FieldValue>(
  fields: Fields,
  is: (value: FieldValue) => value is Kind,
): Record<string, Kind> {
  const chosen: Record<string, Kind> = {};
  for (const [name, value] of Object.entries(fields)) if (is(value)) setEntry(chosen, name, value);
  return chosen;
}
