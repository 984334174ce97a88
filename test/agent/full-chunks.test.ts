import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { defineUdf } from 'kapacitor-udf';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Agent, createAgent } from '../../src/agent/agent.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { decodeResponse, encodeRequest, type Response } from '../../src/wire/messages.js';
import mirror from '../../udfs/mirror/mirror.js';
import { payloads } from '../support/frames.js';
import { silentLogger } from '../support/silent-logger.js';
import { pointRequest } from '../support/udf-messages.js';

/** As large as what Node reads at a time: the sign that more is there. */
const fullChunk = 64 * 1024;

/** Passes on the points that say so. */
const some = defineUdf({
  name: 'some',
  wants: 'stream',
  provides: 'stream',
  point(point, { emit }) {
    if (point.field('pass') === true) emit(point.replaceFields({ pass: true }));
  },
});

const failing = defineUdf({
  name: 'failing',
  wants: 'stream',
  provides: 'stream',
  point(point, { emit }) {
    emit(point.replaceFields({ pass: true }));
    if (point.field('fail') === true) throw new Error('no more');
  },
});

const text = 'x'.repeat(1000);
const pointFrame = (time: bigint, flags: Record<string, boolean>): Buffer =>
  encodeRequest(pointRequest({ time, name: 'cpu', fields: { text, ...flags } }));
const keepalive = (time: bigint): Buffer => encodeRequest({ kind: 'keepalive', time });

/** A chunk that is full: frames, then points that are not passed on. */
function full(...frames: readonly Buffer[]): Buffer {
  const silent = pointFrame(0n, { pass: false });
  const parts = [...frames];
  for (let size = Buffer.concat(frames).length; size < fullChunk; size += silent.length) parts.push(silent);
  return Buffer.concat(parts);
}

/** An agent between two streams, and each write that it makes. */
function started(definition: UdfDefinition) {
  const input = new PassThrough({ highWaterMark: 16 * fullChunk });
  const writes: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk);
      done();
    },
  });
  const destroy = (): void => {
    input.destroy();
    output.destroy();
  };
  const transport = { description: 'test', input, output, destroy };
  const agent: Agent = createAgent({ definition, transport, logger: silentLogger });
  onTestFinished(() => {
    agent.destroy();
  });
  input.write(encodeRequest({ kind: 'init', taskID: 'task', nodeID: 'node', options: [] }));
  const answers = (): Response[] => payloads(writes).map((payload) => decodeResponse(payload));
  /** What came after init, each answer by its time or kind. */
  const came = (): unknown[] =>
    answers()
      .slice(1)
      .map((answer) => ('time' in answer ? answer.time : answer.kind));
  return { agent, input, writes, came };
}

/** Lets the agent read, and do what it has put off. */
async function readAll(): Promise<void> {
  for (let count = 0; count < 5; count++) await turn();
}

describe('the little that comes of a full chunk', () => {
  test('goes out though nothing follows, again and again', async () => {
    const { input, came } = started(some);
    for (const time of [1n, 2n, 3n]) {
      input.write(full(pointFrame(time, { pass: true })));
      await readAll();
      expect(came().at(-1)).toBe(time);
    }
  });

  test('goes out in one write with that of the chunks that are there too', async () => {
    const { input, writes, came } = started(some);
    await readAll();
    const before = writes.length;
    for (const time of [1n, 2n, 3n]) input.emit('data', full(pointFrame(time, { pass: true })));
    await readAll();
    expect(came()).toEqual([1n, 2n, 3n]);
    expect(writes).toHaveLength(before + 1);
  });

  test('keeps its order with the answers to keepalives', async () => {
    const { input, came } = started(some);
    input.write(full(pointFrame(1n, { pass: true }), keepalive(2n), pointFrame(3n, { pass: true })));
    input.write(keepalive(4n));
    await readAll();
    expect(came()).toEqual([1n, 2n, 3n, 4n]);
  });

  test('goes out before the end: after a half-close, a drain and a failure', async () => {
    const chunk = full(pointFrame(1n, { pass: true }));
    const closed = started(some);
    closed.input.end(chunk);
    await closed.agent.closed;
    expect(closed.came()).toEqual([1n]);

    const drained = started(some);
    await readAll();
    drained.input.emit('data', chunk);
    await drained.agent.drain();
    expect(drained.came()).toEqual([1n]);

    const failed = started(failing);
    await readAll();
    failed.input.emit('data', full(pointFrame(1n, {}), pointFrame(2n, { fail: true })));
    failed.input.end();
    await failed.agent.closed;
    expect(failed.came()).toEqual([1n, 2n, 'error']);
  });

  test('goes nowhere once the connection is cut', async () => {
    const { agent, input, writes } = started(some);
    await readAll();
    const before = writes.length;
    input.emit('data', full(pointFrame(1n, { pass: true })));
    agent.destroy();
    await readAll();
    expect(writes).toHaveLength(before);
  });
});

test('the much that comes of a full chunk goes out at once, and so does what comes of a small one', async () => {
  const { input, writes } = started(mirror);
  await readAll();
  const before = writes.length;
  input.emit('data', full(pointFrame(1n, { pass: true })));
  expect(writes).toHaveLength(before + 1);
  input.emit('data', pointFrame(2n, { pass: true }));
  expect(writes).toHaveLength(before + 2);
});
