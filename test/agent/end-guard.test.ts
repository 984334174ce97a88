import { createPoint, defineUdf, type UdfDefinition } from 'kapacitor-udf';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { guardKeepalives, guardPauseMs } from '../../src/agent/end-guard.js';
import { decodeResponse, encodeRequest } from '../../src/wire/messages.js';
import { type AgentSettings, agentInMemory } from '../support/connection.js';
import { payloads } from '../support/frames.js';
import { pointRequest } from '../support/udf-messages.js';

/** Passes points on, but fails at one with the field `fail`; and emits one more when the task ends. */
const lastWords = defineUdf({
  name: 'lastWords',
  wants: 'stream',
  provides: 'stream',
  state: () => ({}),
  point(point) {
    if (point.field('fail') === true) throw new Error('no more');
    return point;
  },
  stop: () => createPoint({ name: 'last', time: 9n, fields: { v: 1 } }),
});

const silent = defineUdf({ name: 'silent', wants: 'stream', provides: 'stream', point: () => undefined });

/** A connection that has been initialized, and what has come of it so far. */
async function started(definition: UdfDefinition, settings: AgentSettings = { guardsEnd: true }) {
  const { agent, transport } = agentInMemory(definition, settings);
  const chunks: Buffer[] = [];
  let hasEnded = false;
  transport.input.on('data', (chunk: Buffer) => chunks.push(chunk));
  transport.input.on('end', () => {
    hasEnded = true;
  });
  transport.output.write(encodeRequest({ kind: 'init', taskID: 'task', nodeID: 'node', options: [] }));
  await vi.advanceTimersByTimeAsync(1);
  chunks.length = 0;
  const kinds = (): string[] => payloads(chunks).map((payload) => decodeResponse(payload).kind);
  return { agent, input: transport.output, kinds, hasEnded: () => hasEnded };
}

const point = (fields: Record<string, boolean>): Buffer =>
  encodeRequest(pointRequest({ time: 1n, name: 'm', fields }));
const keepalives = Array<string>(guardKeepalives).fill('keepalive');

describe('a Kapacitor that ends a UDF', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('gets keepalive responses before the output of `stop`, and the end of the connection a while after it', async () => {
    const { input, kinds, hasEnded } = await started(lastWords);
    input.end(point({}));
    await vi.advanceTimersByTimeAsync(guardPauseMs - 1);
    expect(kinds().slice(0, keepalives.length + 2)).toEqual(['point', ...keepalives, 'point']);
    expect(hasEnded()).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect(hasEnded()).toBe(true);
  });

  test('gets an error response a while after the output before it', async () => {
    const { agent, input, kinds } = await started(lastWords);
    input.write(Buffer.concat([point({}), point({ fail: true })]));
    await vi.advanceTimersByTimeAsync(guardPauseMs - 1);
    expect(kinds()).toEqual(['point']);
    await vi.advanceTimersByTimeAsync(2);
    expect(kinds()).toEqual(['point', 'error']);
    input.end();
    await agent.closed;
  });

  test('waits for nothing if it got no output', async () => {
    const { agent, input, kinds } = await started(silent);
    input.end(point({}));
    await agent.closed;
    expect(kinds()).toEqual(keepalives);
  });

  test('gets nothing of this if it is none of a daemon', async () => {
    const { agent, input, kinds } = await started(lastWords, {});
    input.end(point({}));
    await agent.closed;
    expect(kinds().slice(0, 2)).toEqual(['point', 'point']);
  });

  test('that is lost during the pause ends the connection at once', async () => {
    const { agent, input } = await started(lastWords);
    input.end(point({}));
    await vi.advanceTimersByTimeAsync(1);
    agent.destroy();
    await agent.closed;
    expect(vi.getTimerCount()).toBe(0);
  });
});
