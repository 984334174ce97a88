import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { decodeRequest, decodeResponse, type Response } from '../../src/wire/messages.js';
import { keepaliveTag } from '../../src/wire/tags.js';
import mirror from '../../udfs/mirror/mirror.js';
import movingAverage from '../../udfs/moving-average/moving-average.js';
import outliers from '../../udfs/outliers/outliers.js';
import { agentInMemory } from '../support/connection.js';
import { payloads, pieces } from '../support/frames.js';
import { conversation } from '../support/recordings.js';

// A snapshot tells when its connection began.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What an agent sends: its answers, points and batches in their order, and the times of the keepalives. */
interface Answer {
  readonly frames: Buffer;
  readonly keepalives: readonly bigint[];
}

/** Sends bytes in these pieces, each on its own, half-closes, and returns all that the agent sends. */
async function answerTo(definition: UdfDefinition, chunks: readonly Buffer[]): Promise<Answer> {
  const { agent, transport } = agentInMemory(definition);
  const frames: Buffer[] = [];
  const keepalives: bigint[] = [];
  const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
    const bytes = buf.subarray(payload, end);
    // A keepalive is answered past what is being done, so its place among the others is not fixed.
    if (bytes[0] !== keepaliveTag) frames.push(Buffer.from(buf.subarray(frame, end)));
    else keepalives.push((decodeResponse(bytes) as Response & { kind: 'keepalive' }).time);
  });
  transport.input.on('data', (chunk: Buffer) => {
    reader.push(chunk);
  });
  for (const chunk of chunks) {
    if (!transport.output.write(chunk)) await turn();
  }
  transport.output.end();
  await once(transport.input, 'end');
  await agent.closed;
  expect(agent.failure).toBeUndefined();
  return { frames: Buffer.concat(frames), keepalives };
}

/** What goes to a task: points and batches, without what is about the connection. */
function data(bytes: Buffer): Response[] {
  return payloads([bytes])
    .map((payload) => decodeResponse(payload))
    .filter(({ kind }) => kind === 'begin' || kind === 'point' || kind === 'end');
}

/** The times of the keepalives that Kapacitor asked for. */
function askedFor(requests: Buffer): bigint[] {
  return payloads([requests])
    .map((payload) => decodeRequest(payload))
    .flatMap((request) => (request.kind === 'keepalive' ? [request.time] : []));
}

/** A recording of a real conversation, and the bytes that our UDF of the same kind answers with. */
const recorded = [
  { definition: mirror, ...conversation('adsl-mirror') },
  { definition: movingAverage, ...conversation('router-average') },
  { definition: outliers, ...conversation('cpu-outliers') },
];

describe.each(recorded)('the recorded conversation $name', ({ definition, requests }) => {
  const asked = askedFor(requests);
  /** Throws if the answer to these pieces is not the same as to all at once. */
  const check = async (chunks: readonly Buffer[], whole: Answer): Promise<void> => {
    const { frames, keepalives } = await answerTo(definition, chunks);
    if (!frames.equals(whole.frames)) throw new Error('the answer is another');
    if (!asked.every((time) => keepalives.includes(time))) throw new Error('a keepalive is not answered');
  };

  test('is answered the same when it is cut in two', { timeout: 60_000 }, async () => {
    const whole = await answerTo(definition, [requests]);
    // At bytes that fall on all parts of its messages; the frame reader's own tests cut at every byte.
    const step = Math.ceil(requests.length / 300) | 1;
    for (let at = 1; at < requests.length; at += step) {
      await check([requests.subarray(0, at), requests.subarray(at)], whole).catch((cause: unknown) => {
        throw new Error(`cut at byte ${at}: ${String(cause)}`, { cause });
      });
    }
  });

  test('is answered the same when each byte comes alone', async () => {
    const whole = await answerTo(definition, [requests]);
    await check(
      Array.from(requests, (_, at) => requests.subarray(at, at + 1)),
      whole,
    );
  });

  test('is answered the same in pieces of any sizes', async () => {
    const whole = await answerTo(definition, [requests]);
    const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(sizes, (lengths) => check(pieces(requests, lengths), whole)),
      { numRuns: 30 },
    );
  });
});

test('a mirror sends the recorded points back byte for byte, as the one that was recorded did', async () => {
  const { requests, responses } = conversation('adsl-mirror');
  const ours = data((await answerTo(mirror, [requests])).frames);
  expect(ours).toHaveLength(18);
  expect(ours).toEqual(data(responses));
});
