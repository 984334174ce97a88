import { readFileSync } from 'node:fs';
import Long from 'long';
import protobuf from 'protobufjs';

protobuf.util.Long = Long;
protobuf.configure();

const { root } = protobuf.parse(readFileSync(new URL('../../proto/udf.proto', import.meta.url), 'utf8'), {
  keepCase: true,
});
for (const type of (root.nested as { agent: protobuf.Namespace }).agent.nestedArray) {
  // As in Kapacitor's decoder, text that is not UTF-8 is accepted.
  type.setOption('features.utf8_validation', 'NONE');
}
root.resolveAll();

/** protobufjs on proto/udf.proto: the reference decoder and encoder for src/wire. */
export const oracle = {
  Request: root.lookupType('agent.Request'),
  Response: root.lookupType('agent.Response'),
  Point: root.lookupType('agent.Point'),
};

/** A point as the oracle sees it, to be compared and edited: int64 values as bigints, own properties only. */
export interface OraclePoint {
  time: bigint;
  name: string;
  database: string;
  retentionPolicy: string;
  group: string;
  dimensions: readonly string[];
  tags: Readonly<Record<string, string>>;
  fieldsDouble: Readonly<Record<string, number>>;
  fieldsInt: Readonly<Record<string, bigint>>;
  fieldsString: Readonly<Record<string, string>>;
  fieldsBool: Readonly<Record<string, boolean>>;
  byName: boolean;
}

type Decoded = Omit<OraclePoint, 'time' | 'fieldsInt'> & { time: Long; fieldsInt: Record<string, Long> };

/** Decodes a Point message. Throws as protobufjs does. */
export function oraclePoint(body: Uint8Array): OraclePoint {
  // `Decoded` mirrors Point in proto/udf.proto.
  const raw = oracle.Point.decode(body) as unknown as Decoded;
  const { name, database, retentionPolicy, group, dimensions, byName } = raw;
  return {
    time: raw.time.toBigInt(),
    name,
    database,
    retentionPolicy,
    group,
    dimensions,
    byName,
    tags: mapValues(raw.tags, (value) => value),
    fieldsDouble: mapValues(raw.fieldsDouble, (value) => value),
    fieldsInt: mapValues(raw.fieldsInt, (value) => value.toBigInt()),
    fieldsString: mapValues(raw.fieldsString, (value) => value),
    fieldsBool: mapValues(raw.fieldsBool, (value) => value),
  };
}

/** A point's fields in one record: of a name in several maps bool wins, then double, int and string, as in Kapacitor. */
export function oracleFields(point: OraclePoint): Record<string, number | bigint | string | boolean> {
  const { fieldsString, fieldsInt, fieldsDouble, fieldsBool } = point;
  return Object.fromEntries(
    [fieldsString, fieldsInt, fieldsDouble, fieldsBool].flatMap((fields) => Object.entries(fields)),
  );
}

/** Like a spread, but safe for a key `__proto__`. */
export function mapValues<In, Out>(
  map: Readonly<Record<string, In>>,
  convert: (value: In) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, convert(value)]));
}
