import type Long from 'long';
import type protobuf from 'protobufjs';
import { UdfError } from '../model/errors.js';
import type { OptionArgument, OptionCall, OptionType } from '../model/option-call.js';
import type { EdgeType, Tags } from '../model/values.js';
import { prependLength } from './framing.js';
import { bigintOf, longOf } from './int64.js';
import { schema } from './schema.js';

/** What a UDF wants, provides and accepts: each option's argument types. */
export interface InfoMessage {
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  readonly options: Readonly<Record<string, readonly OptionType[]>>;
}

export interface BeginMessage {
  readonly name: string;
  readonly group: string;
  readonly tags: Tags;
  readonly size: bigint;
  readonly byName: boolean;
}

export interface EndMessage {
  readonly name: string;
  readonly group: string;
  readonly tags: Tags;
  readonly tmax: bigint;
  readonly byName: boolean;
}

/** A fully decoded point, with one map of fields per type as on the wire. */
export interface PointMessage {
  readonly time: bigint;
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly group: string;
  readonly dimensions: readonly string[];
  readonly tags: Tags;
  readonly fieldsDouble: Readonly<Record<string, number>>;
  readonly fieldsInt: Readonly<Record<string, bigint>>;
  readonly fieldsString: Readonly<Record<string, string>>;
  readonly fieldsBool: Readonly<Record<string, boolean>>;
  readonly byName: boolean;
}

type DataMessage =
  | ({ readonly kind: 'begin' } & BeginMessage)
  | ({ readonly kind: 'point' } & PointMessage)
  | ({ readonly kind: 'end' } & EndMessage);

/** What Kapacitor sends. */
export type Request =
  | { readonly kind: 'info' }
  | {
      readonly kind: 'init';
      readonly taskID: string;
      readonly nodeID: string;
      readonly options: readonly OptionCall[];
    }
  | { readonly kind: 'keepalive'; readonly time: bigint }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'restore'; readonly snapshot: Uint8Array }
  | DataMessage;

/** What an agent sends. */
export type Response =
  | ({ readonly kind: 'info' } & InfoMessage)
  | { readonly kind: 'init'; readonly success: boolean; readonly error: string }
  | { readonly kind: 'keepalive'; readonly time: bigint }
  | { readonly kind: 'snapshot'; readonly snapshot: Uint8Array }
  | { readonly kind: 'restore'; readonly success: boolean; readonly error: string }
  | { readonly kind: 'error'; readonly error: string }
  | DataMessage;

const edgeTypes: readonly EdgeType[] = ['stream', 'batch'];
const optionTypes: readonly OptionType[] = ['bool', 'int', 'double', 'string', 'duration'];

/** Decodes a frame's payload. Throws `malformed` if it is not a Request or its oneof is not set. */
export function decodeRequest(payload: Uint8Array): Request {
  const request = decode(schema.Request, payload);
  switch (request.message) {
    case 'info':
    case 'snapshot':
      return { kind: request.message };
    case 'init': {
      const { taskID, nodeID, options } = request.init as RawInit;
      return { kind: 'init', taskID, nodeID, options: options.map(optionCall) };
    }
    case 'restore':
      return { kind: 'restore', snapshot: bytesOf(request.restore as RawSnapshot) };
    default:
      return sharedMessage(request, 'request');
  }
}

/** Decodes a frame's payload. Throws `malformed` if it is not a Response or its oneof is not set. */
export function decodeResponse(payload: Uint8Array): Response {
  const response = decode(schema.Response, payload);
  switch (response.message) {
    case 'info': {
      const { wants, provides, options } = response.info as RawInfo;
      return {
        kind: 'info',
        wants: enumName(edgeTypes, wants),
        provides: enumName(edgeTypes, provides),
        options: mapValues(options, ({ valueTypes }) =>
          valueTypes.map((type) => enumName(optionTypes, type)),
        ),
      };
    }
    case 'init':
    case 'restore': {
      const { success, error } = response[response.message] as { success: boolean; error: string };
      return { kind: response.message, success, error };
    }
    case 'snapshot':
      return { kind: 'snapshot', snapshot: bytesOf(response.snapshot as RawSnapshot) };
    case 'error':
      return { kind: 'error', error: (response.error as { error: string }).error };
    default:
      return sharedMessage(response, 'response');
  }
}

/** Encodes a request as a frame. */
export function encodeRequest(request: Request): Buffer {
  switch (request.kind) {
    case 'init': {
      const options = request.options.map(({ name, args }) => ({ name, values: args.map(rawArgument) }));
      return encode(schema.Request, { init: { options, taskID: request.taskID, nodeID: request.nodeID } });
    }
    case 'info':
    case 'snapshot':
      return encode(schema.Request, { [request.kind]: {} });
    case 'restore':
      return encode(schema.Request, { restore: { snapshot: request.snapshot } });
    default:
      return encode(schema.Request, rawShared(request));
  }
}

/** Encodes a response as a frame. */
export function encodeResponse(response: Response): Buffer {
  switch (response.kind) {
    case 'info': {
      const options = mapValues(response.options, (types) => ({
        valueTypes: types.map((type) => optionTypes.indexOf(type)),
      }));
      const wants = edgeTypes.indexOf(response.wants);
      const provides = edgeTypes.indexOf(response.provides);
      return encode(schema.Response, { info: { wants, provides, options } });
    }
    case 'init':
    case 'restore':
      return encode(schema.Response, {
        [response.kind]: { success: response.success, error: response.error },
      });
    case 'snapshot':
      return encode(schema.Response, { snapshot: { snapshot: response.snapshot } });
    case 'error':
      return encode(schema.Response, { error: { error: response.error } });
    default:
      return encode(schema.Response, rawShared(response));
  }
}

/**
 * Re-encodes a Point message in canonical form: fields in order of their numbers; in a map entry the key before the
 * value, and each key once. Throws `malformed` if the bytes are not a Point message.
 */
export function canonicalPoint(body: Uint8Array): Uint8Array {
  return schema.Point.encode(decode(schema.Point, body)).finish();
}

// ---- protobufjs's side ----

/** A decoded Request or Response: `message` is the name of the oneof's member that is set. */
type RawOneof = Readonly<Record<string, unknown>> & { readonly message?: string };

interface RawOption {
  readonly name: string;
  readonly values: readonly RawArgument[];
}
interface RawInit {
  readonly taskID: string;
  readonly nodeID: string;
  readonly options: readonly RawOption[];
}
interface RawInfo {
  readonly wants: number;
  readonly provides: number;
  readonly options: Readonly<Record<string, { readonly valueTypes: readonly number[] }>>;
}
interface RawArgument {
  readonly type: number;
  readonly value?: string;
  readonly boolValue?: boolean;
  readonly intValue?: Long;
  readonly doubleValue?: number;
  readonly stringValue?: string;
  readonly durationValue?: Long;
}
interface RawSnapshot {
  readonly snapshot: Uint8Array | readonly never[];
}
type RawBegin = Omit<BeginMessage, 'size'> & { readonly size: Long };
type RawEnd = Omit<EndMessage, 'tmax'> & { readonly tmax: Long };
type RawPoint = Omit<PointMessage, 'time' | 'fieldsInt'> & {
  readonly time: Long;
  readonly fieldsInt: Readonly<Record<string, Long>>;
};

function decode(type: protobuf.Type, bytes: Uint8Array): RawOneof {
  try {
    return type.decode(bytes);
  } catch (cause) {
    throw new UdfError(
      'malformed',
      `these bytes are not a ${type.name} message (${(cause as Error).message})`,
      {
        cause,
      },
    );
  }
}

function encode(type: protobuf.Type, message: Readonly<Record<string, unknown>>): Buffer {
  return prependLength(type.encode(type.create(message)).finish());
}

function sharedMessage(raw: RawOneof, what: string): DataMessage | { kind: 'keepalive'; time: bigint } {
  switch (raw.message) {
    case 'keepalive':
      return { kind: 'keepalive', time: bigintOf((raw.keepalive as { time: Long }).time) };
    case 'begin': {
      const { name, group, tags, size, byName } = raw.begin as RawBegin;
      return { kind: 'begin', name, group, tags, size: bigintOf(size), byName };
    }
    case 'point':
      return { kind: 'point', ...pointMessage(raw.point as RawPoint) };
    case 'end': {
      const { name, group, tags, tmax, byName } = raw.end as RawEnd;
      return { kind: 'end', name, group, tags, tmax: bigintOf(tmax), byName };
    }
    default:
      throw new UdfError('malformed', `a ${what} holds no message that this protocol knows`);
  }
}

function rawShared(message: DataMessage | { kind: 'keepalive'; time: bigint }): Record<string, unknown> {
  switch (message.kind) {
    case 'keepalive':
      return { keepalive: { time: longOf(message.time) } };
    case 'begin':
      return { begin: { ...message, size: longOf(message.size) } };
    case 'point':
      return {
        point: { ...message, time: longOf(message.time), fieldsInt: mapValues(message.fieldsInt, longOf) },
      };
    case 'end':
      return { end: { ...message, tmax: longOf(message.tmax) } };
  }
}

function pointMessage(raw: RawPoint): PointMessage {
  return {
    time: bigintOf(raw.time),
    name: raw.name,
    database: raw.database,
    retentionPolicy: raw.retentionPolicy,
    group: raw.group,
    dimensions: raw.dimensions,
    tags: raw.tags,
    fieldsDouble: raw.fieldsDouble,
    fieldsInt: mapValues(raw.fieldsInt, bigintOf),
    fieldsString: raw.fieldsString,
    fieldsBool: raw.fieldsBool,
    byName: raw.byName,
  };
}

/** protobufjs decodes absent bytes as an empty array. */
function bytesOf({ snapshot }: RawSnapshot): Uint8Array {
  return snapshot instanceof Uint8Array ? snapshot : new Uint8Array();
}

function optionCall({ name, values }: RawOption): OptionCall {
  return { name, args: values.map(optionArgument) };
}

/** Throws `malformed` if the member that holds the value is not the one that `type` announces. */
function optionArgument(raw: RawArgument): OptionArgument {
  const type = enumName(optionTypes, raw.type);
  if (raw.value !== undefined && raw.value !== `${type}Value`) {
    throw new UdfError('malformed', `an option's value is typed ${type} but stored as ${raw.value}`);
  }
  switch (type) {
    case 'bool':
      return { type, value: raw.boolValue ?? false };
    case 'int':
      return { type, value: raw.intValue ? bigintOf(raw.intValue) : 0n };
    case 'double':
      return { type, value: raw.doubleValue ?? 0 };
    case 'string':
      return { type, value: raw.stringValue ?? '' };
    case 'duration':
      return { type, value: raw.durationValue ? bigintOf(raw.durationValue) : 0n };
  }
}

function rawArgument(argument: OptionArgument): Record<string, unknown> {
  const value = typeof argument.value === 'bigint' ? longOf(argument.value) : argument.value;
  return { type: optionTypes.indexOf(argument.type), [`${argument.type}Value`]: value };
}

function enumName<Name>(names: readonly Name[], value: number): Name {
  const name = names[value];
  if (name === undefined) throw new UdfError('malformed', `an enum has no value ${value}`);
  return name;
}

function mapValues<In, Out>(
  map: Readonly<Record<string, In>>,
  convert: (value: In) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, convert(value)]));
}
