import { readFileSync } from 'node:fs';
import Long from 'long';
import protobuf from 'protobufjs';

// protobufjs finds `long` by itself only under CommonJS; without it an int64 is rounded to a double.
protobuf.util.Long = Long;
protobuf.configure();

const source = readFileSync(new URL('../../proto/udf.proto', import.meta.url), 'utf8');
const { root } = protobuf.parse(source, { keepCase: true });
const { agent } = root.nested as { agent: protobuf.Namespace };
for (const type of agent.nestedArray) {
  // InfluxDB accepts any bytes as text, and Kapacitor forwards them: a tag in Latin-1 must not end a task.
  type.setOption('features.utf8_validation', 'NONE');
}
root.resolveAll();

/** The protobufjs types of proto/udf.proto. */
export const schema = {
  Request: root.lookupType('agent.Request'),
  Response: root.lookupType('agent.Response'),
  Point: root.lookupType('agent.Point'),
  BeginBatch: root.lookupType('agent.BeginBatch'),
  EndBatch: root.lookupType('agent.EndBatch'),
};
