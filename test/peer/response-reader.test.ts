import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { UdfError } from '../../src/model/errors.js';
import type { ResponseReader } from '../../src/peer/response-reader.js';
import type * as Messages from '../../src/wire/messages.js';
import { bytesField, delimited, varintField } from '../support/wire-bytes.js';

let Reader: typeof ResponseReader;

// What the decoder says is for people: another wording of it must not change the rule. Other tests share the modules.
beforeAll(async () => {
  vi.resetModules();
  vi.doMock('../../src/wire/messages.js', async (original) => {
    const messages = await original<typeof Messages>();
    return {
      ...messages,
      decodeResponse: (payload: Uint8Array) => {
        try {
          return messages.decodeResponse(payload);
        } catch (cause) {
          throw new UdfError('malformed', 'in other words', { cause });
        }
      },
    };
  });
  ({ ResponseReader: Reader } = await import('../../src/peer/response-reader.js'));
});

afterAll(() => {
  vi.doUnmock('../../src/wire/messages.js');
  vi.resetModules();
});

function read(payload: Uint8Array): void {
  const ignore = () => undefined;
  const handlers = { received: ignore, management: ignore, point: ignore, batch: ignore };
  new Reader(1_000, handlers).push(delimited(payload));
}

const unknown = bytesField(15, 'of a newer protocol');
const keepalive = bytesField(3, varintField(1, 7));
const infoOfUnknownType = bytesField(1, varintField(1, 9));
const cutInit = Buffer.of(0x12, 5, 8);

test.each([
  ['no bytes', 'empty-response', Buffer.alloc(0), 'a response of no bytes came'],
  ['a message that is not known', 'unknown-response', unknown, 'in other words'],
  ['several of them', 'unknown-response', Buffer.concat([unknown, varintField(7, 1)]), 'in other words'],
  ['a message that is cut off', 'stray-bytes', cutInit, 'in other words'],
  [
    'one after a message that is not known',
    'stray-bytes',
    Buffer.concat([unknown, cutInit]),
    'in other words',
  ],
  ['a known message with an unknown value', 'stray-bytes', infoOfUnknownType, 'in other words'],
  ['text', 'stray-bytes', Buffer.from('hello world'), 'in other words'],
])('%s breaks the rule %s', (_, rule, payload, detail) => {
  expect(() => {
    read(payload);
  }).toThrow(expect.objectContaining({ code: 'protocol', rule, detail }));
});

test('a known message beside one that is not known breaks no rule', () => {
  read(Buffer.concat([unknown, keepalive]));
});
