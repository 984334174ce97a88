import type { UdfDefinition } from '../../src/udf/definition.js';
import { encodeRequest, encodeResponse, type Request } from '../../src/wire/messages.js';
import { agentInMemory } from './connection.js';
import type { OptionCall } from '../../src/model/option-call.js';

/** The bytes that a UDF sends for these requests until it is stopped, without its answer to init. */
export async function bytesThrough(
  definition: UdfDefinition,
  options: readonly OptionCall[],
  requests: readonly Request[],
): Promise<Buffer> {
  const { transport } = agentInMemory(definition);
  transport.output.write(encodeRequest({ kind: 'init', taskID: 'task', nodeID: 'node', options }));
  for (const request of requests) transport.output.write(encodeRequest(request));
  transport.output.end();
  const chunks: Buffer[] = [];
  for await (const chunk of transport.input) chunks.push(chunk as Buffer);
  const answer = encodeResponse({ kind: 'init', success: true, error: '' });
  const bytes = Buffer.concat(chunks);
  if (!bytes.subarray(0, answer.length).equals(answer)) throw new Error('init was refused');
  return bytes.subarray(answer.length);
}
