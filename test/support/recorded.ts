import type { ConversationHeader } from '../../src/recording/conversation/format.js';
import { readConversation } from '../../src/recording/conversation/reader.js';
import { decodeRequest, decodeResponse, type Request, type Response } from '../../src/wire/messages.js';
import { payloads } from './frames.js';

/** The messages of both sides of a recorded conversation, and the kinds of its entries. */
export async function readBoth(file: string): Promise<{
  header: ConversationHeader;
  requests: Request[];
  responses: Response[];
  kinds: string[];
}> {
  const { header, entries } = await readConversation(file);
  const bytes = { request: [] as Buffer[], response: [] as Buffer[] };
  const kinds: string[] = [];
  for await (const entry of entries) {
    kinds.push(entry.kind);
    if (entry.kind === 'request' || entry.kind === 'response') bytes[entry.kind].push(entry.bytes);
  }
  return {
    header,
    requests: payloads(bytes.request).map((payload) => decodeRequest(payload)),
    responses: payloads(bytes.response).map((payload) => decodeResponse(payload)),
    kinds,
  };
}
