import { fileURLToPath } from 'node:url';
import Long from 'long';
import protobuf from 'protobufjs';

protobuf.util.Long = Long;
protobuf.configure();

const root = protobuf.loadSync(fileURLToPath(new URL('../../../proto/udf.proto', import.meta.url)));
const Request = root.lookupType('agent.Request');
const Response = root.lookupType('agent.Response');

/** A request as Kapacitor frames it. */
export function encodeRequest(request) {
  return Buffer.from(Request.encodeDelimited(request).finish());
}

/**
 * An init request whose options have strings and whole numbers, one or a list.
 *
 * @param {Record<string, string | number | readonly (string | number)[]>} options
 */
export function encodeInit(options) {
  const calls = Object.entries(options).map(([name, given]) => ({
    name,
    values: [given]
      .flat()
      .map((value) =>
        typeof value === 'string' ? { type: 3, stringValue: value } : { type: 1, intValue: value },
      ),
  }));
  return encodeRequest({ init: { options: calls, taskID: 'bench', nodeID: 'bench1' } });
}

/** A response's payload as `{ kind, … }`. */
export function decodeResponse(payload) {
  const response = Response.decode(payload);
  return { kind: response.message, ...response[response.message] };
}

/** Decodes every request in the bytes and encodes it again, as an agent without a codec of its own would. */
export function recode(bytes) {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) Response.encodeDelimited(Request.decodeDelimited(reader)).finish();
}
