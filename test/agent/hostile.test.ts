import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UdfErrorCode } from '../../src/model/errors.js';
import { ProtocolFailure } from '../../src/peer/protocol-failure.js';
import { ResponseReader } from '../../src/peer/response-reader.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { encodeRequest } from '../../src/wire/messages.js';
import edgeDetect from '../../udfs/edge-detect/edge-detect.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import mirror from '../../udfs/mirror/mirror.js';
import movingAverage from '../../udfs/moving-average/moving-average.js';
import outliers from '../../udfs/outliers/outliers.js';
import { agentInMemory, udfSocket } from '../support/connection.js';
import { pieces } from '../support/frames.js';
import { heldBytes } from '../support/held-bytes.js';
import { conversation } from '../support/recordings.js';
import { until } from '../support/until.js';

/** What bytes from outside may lead to. Anything else would be a defect of ours. */
const expected: readonly (UdfErrorCode | undefined)[] = [
  undefined,
  'malformed',
  'protocol',
  'limit',
  'connection',
  'invalid_options',
];

/** Sends bytes, half-closes, and waits for the end; returns why the connection ended. */
async function outcome(
  definition: UdfDefinition,
  chunks: readonly Buffer[],
): Promise<UdfErrorCode | undefined> {
  const { agent, log, transport } = agentInMemory(definition, { limits: { messageBytes: 1_000_000 } });
  const nothing = (): void => undefined;
  const reader = new ResponseReader(Infinity, {
    received: nothing,
    management: nothing,
    point: nothing,
    batch: nothing,
  });
  let broken: unknown;
  transport.input.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (reason) {
      broken ??= reason;
    }
  });
  for (const chunk of chunks) transport.output.write(chunk);
  transport.output.end();
  await once(transport.input, 'end');
  await agent.closed;
  // A mirror gives a client's own broken point back to that client; nothing else may come out wrong.
  if (broken !== undefined && !(definition === mirror && isOwnBytes(broken))) throw broken as Error;
  const { failure } = agent;
  if (failure && !log.some(({ message }) => message.includes(failure.message))) {
    throw new Error(`not in the log: ${failure.message}`);
  }
  return failure?.code;
}

function isOwnBytes(reason: unknown): boolean {
  return reason instanceof ProtocolFailure && reason.rule === 'stray-bytes';
}

const subjects = [mirror, mirrorBatch, edgeDetect, movingAverage, outliers];
const recorded = [conversation('adsl-mirror'), conversation('router-average')].map(
  ({ requests }) => requests,
);
const anyDefinition = fc.constantFrom(...subjects);
const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 5 });

/** A change to a stream of bytes: one replaced, some cut out, some put in. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  remove: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(20)),
  insert: fc.uint8Array({ maxLength: 4 }),
});

describe('hostile bytes', () => {
  test('of any kind end their own connection with a clear error, or mean nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyDefinition,
        fc.uint8Array({ maxLength: 300 }),
        sizes,
        async (definition, bytes, lengths) => {
          expect(expected).toContain(await outcome(definition, pieces(Buffer.from(bytes), lengths)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('in messages that have the right length do so too', async () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 10 });
    const init = encodeRequest({ kind: 'init', taskID: 't', nodeID: 'n', options: [] });
    await fc.assert(
      fc.asyncProperty(anyDefinition, messages, async (definition, payloads) => {
        const frames = payloads.map((payload) => Buffer.concat([Buffer.of(payload.length), payload]));
        expect(expected).toContain(await outcome(definition, [init, ...frames]));
      }),
      { numRuns: 500 },
    );
  });

  test('inside a conversation that was a good one do so too', async () => {
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        anyDefinition,
        fc.constantFrom(...recorded),
        mutations,
        async (definition, good, changes) => {
          let bytes = good;
          for (const { at, remove, insert } of changes) {
            const index = Math.floor(at * bytes.length);
            bytes = Buffer.concat([bytes.subarray(0, index), insert, bytes.subarray(index + remove)]);
          }
          expect(expected).toContain(await outcome(definition, [bytes]));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('touch no other connection', async () => {
    const socket = await udfSocket(mirror);
    const good = await socket.kapacitor();
    await good.init();
    for (let round = 0; round < 20; round++) {
      const hostile = await socket.dial();
      hostile.output.on('error', () => undefined);
      hostile.output.write(Buffer.alloc(1000, round));
      good.point({ time: BigInt(round), name: 'cpu', fields: { round } });
      await good.received({ points: round + 1 });
      hostile.destroy();
    }
    expect((await good.stop()).points).toHaveLength(20);
  });
});

describe('garbage in init', () => {
  const cases: readonly [string, Buffer][] = [
    [
      'an option whose value contradicts its type',
      Buffer.from('0a090a0166 120408001801'.replace(' ', ''), 'hex'),
    ],
    ['an option of an unknown type', Buffer.from('0a070a0166 12020809'.replace(' ', ''), 'hex')],
    ['bytes that are no message', Buffer.from('0aff', 'hex')],
  ];
  test.each(cases)('%s: the connection ends with an error that says so', async (_what, body) => {
    const payload = Buffer.concat([Buffer.of(0x12, body.length), body]);
    const { agent, transport } = agentInMemory(movingAverage);
    transport.input.resume();
    transport.output.write(Buffer.concat([Buffer.of(payload.length), payload]));
    transport.output.end();
    await agent.closed;
    expect(agent.failure).toMatchObject({ code: 'malformed' });
  });
});

describe('a length prefix', () => {
  test('above the limit is refused at once, before the message has come', async () => {
    // The first byte tells that it is a point; a snapshot may be larger, but not as large as the other one.
    for (const [bytes, message] of [
      [
        [0x80, 0x80, 0x80, 0x80, 0x04, 0x8a],
        'a message of 1073741824 bytes is above the limit of 67108864 (messageBytes)',
      ],
      [
        [0x80, 0x80, 0x80, 0x80, 0x10],
        'a message of 4294967296 bytes is above the limit of 67108864 (messageBytes)',
      ],
    ] as const) {
      const socket = await udfSocket(mirror);
      const kapacitor = await socket.kapacitor();
      await kapacitor.init();
      kapacitor.write(Buffer.from(bytes));
      await kapacitor.closed;
      expect(kapacitor.failure?.detail).toBe(`mirror: task test: ${message}`);
    }
  });

  test('longer than a length can be is refused', async () => {
    const { agent, transport } = agentInMemory(mirror);
    transport.output.write(Buffer.alloc(6, 0xff));
    transport.output.end();
    transport.input.resume();
    await agent.closed;
    expect(agent.failure).toMatchObject({
      code: 'malformed',
      message: "a message's length takes more than 5 bytes",
    });
  });

  test('takes no memory for what it announces', async () => {
    const held = heldBytes();
    const open = Array.from({ length: 50 }, () => {
      const { agent, transport } = agentInMemory(mirror);
      transport.output.write(Buffer.of(0x80, 0x80, 0x80, 0x1e, 0x8a)); // 60 MiB are to come: below the limit
      return agent;
    });
    await until('all have read it', () => open.every(({ stats }) => stats.bytesIn === 5));
    expect(heldBytes() - held).toBeLessThan(10e6);
    for (const agent of open) agent.destroy();
    await Promise.all(open.map((agent) => agent.closed));
  });
});
