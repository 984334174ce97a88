import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createAgent } from '../../src/agent/agent.js';
import {
  createKapacitorPeer,
  type KapacitorPeer,
  type KapacitorPeerOptions,
} from '../../src/peer/kapacitor-peer.js';
import type { ProtocolRule } from '../../src/peer/protocol-failure.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import type { Transport } from '../../src/transport/transport.js';
import {
  type BeginMessage,
  encodeRequest,
  encodeResponse,
  type EndMessage,
  type PointMessage,
  type Response,
} from '../../src/wire/messages.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import mirror from '../../udfs/mirror/mirror.js';
import movingAverage from '../../udfs/moving-average/moving-average.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { type Script, scriptedAgent } from '../support/scripted-agent.js';
import { silentLogger } from '../support/silent-logger.js';
import type { OptionCall } from '../../src/model/option-call.js';

afterEach(() => {
  vi.useRealTimers();
});

function kapacitorBefore(definition: UdfDefinition, options: KapacitorPeerOptions = {}): KapacitorPeer {
  const [agentSide, kapacitorSide] = memoryTransportPair();
  createAgent({ definition, transport: agentSide, logger: silentLogger });
  return createKapacitorPeer(kapacitorSide, options);
}

const point: PointMessage = {
  time: 1n,
  name: 'cpu',
  database: 'd',
  retentionPolicy: 'r',
  group: '',
  dimensions: [],
  tags: {},
  fieldsDouble: { value: 1 },
  fieldsInt: {},
  fieldsString: {},
  fieldsBool: {},
  byName: false,
};
const begin: BeginMessage = { name: 'cpu', group: 'host=a', tags: { host: 'a' }, size: 1n, byName: false };
const end: EndMessage = { name: 'cpu', group: 'host=a', tags: { host: 'a' }, tmax: 10n, byName: false };

describe('before a well-behaved agent, the peer', () => {
  test('asks what the UDF is', async () => {
    const kapacitor = kapacitorBefore(movingAverage);
    const { wants, provides, options } = await kapacitor.info();
    expect({ wants, provides, size: options.size }).toEqual({
      wants: 'stream',
      provides: 'stream',
      size: ['int'],
    });
    await kapacitor.stop();
  });

  test('runs a task: options as a TICKscript writes them, points in, points out, half-close, EOF', async () => {
    const kapacitor = kapacitorBefore(movingAverage);
    await kapacitor.init(".field('value').size(2)");
    for (const value of [1, 3, 5]) kapacitor.point({ time: BigInt(value), name: 'cpu', fields: { value } });
    const { points } = await kapacitor.stop();
    expect(points.map((out) => out.field('avg'))).toEqual([1, 2, 4]);
  });

  test('types options given by name as the UDF says, once it has asked', async () => {
    const kapacitor = kapacitorBefore(movingAverage);
    await kapacitor.info();
    await kapacitor.init({ field: 'value', period: '10s', keep: true });
    kapacitor.point({ time: 1n, name: 'cpu', fields: { value: 2n, other: 'x' } });
    const { points } = await kapacitor.stop();
    expect(points[0]?.fields).toEqual({ value: 2n, other: 'x', avg: 2 });
  });

  test('works out groups as Kapacitor does', async () => {
    const kapacitor = kapacitorBefore(mirror);
    await kapacitor.init();
    const tags = { host: 'a', dc: 'b' };
    const fields = { value: 1 };
    kapacitor.point({ time: 1n, name: 'cpu', tags, fields });
    kapacitor.point({ time: 1n, name: 'cpu', tags, fields, dimensions: ['host', 'dc', 'rack'] });
    kapacitor.point({ time: 1n, name: 'cpu', tags, fields, dimensions: ['host'], byName: true });
    kapacitor.point({ time: 1n, name: 'cpu', tags, fields, byName: true });
    const { points } = await kapacitor.stop();
    expect(points.map(({ group }) => group)).toEqual(['', 'host=a,dc=b,rack=', 'cpu\nhost=a', 'cpu']);
  });

  test('sends batches, whose points carry their tags, and collects them', async () => {
    const kapacitor = kapacitorBefore(mirrorBatch);
    await kapacitor.init();
    const points = [
      { time: 1n, tags: { core: '0' }, fields: { value: 1 } },
      { time: 2n, fields: { value: 2 } },
    ];
    kapacitor.batch({ name: 'cpu', time: 9n, tags: { host: 'a', dc: 'b' }, byName: true, points });
    kapacitor.batch({ name: 'cpu', time: 9n, points: [] });
    const { batches } = await kapacitor.stop();
    expect(kapacitor.batchSizes).toEqual([2n, 0n]);
    const [first, empty] = batches;
    expect({ ...first, points: first?.points.map(({ tags, fields }) => ({ tags, fields })) }).toMatchObject({
      name: 'cpu',
      group: 'cpu\ndc=b,host=a',
      tags: { host: 'a', dc: 'b' },
      byName: true,
      time: 9n,
      points: [
        { tags: { host: 'a', dc: 'b', core: '0' }, fields: { value: 1 } },
        { tags: { host: 'a', dc: 'b' }, fields: { value: 2 } },
      ],
    });
    expect(empty?.points).toEqual([]);
  });

  test('hands a snapshot to the next connection', async () => {
    const first = kapacitorBefore(movingAverage);
    await first.init(".field('value').size(2)");
    first.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
    const snapshot = await first.snapshot();
    await first.stop();
    const second = kapacitorBefore(movingAverage);
    await second.init(".field('value').size(2)");
    await second.restore(snapshot);
    second.point({ time: 2n, name: 'cpu', fields: { value: 5 } });
    const { points } = await second.stop();
    expect(points.map((out) => out.field('avg'))).toEqual([3]);
  });

  test('asks for a keepalive every half timeout', async () => {
    vi.useFakeTimers();
    const kapacitor = kapacitorBefore(mirror, { keepaliveTimeoutMs: 1000 });
    await kapacitor.init();
    await vi.advanceTimersByTimeAsync(2600);
    expect(kapacitor.keepalives).toBe(5);
    await kapacitor.stop();
  });

  test('gives what comes to a callback instead of keeping it', async () => {
    const seen: bigint[] = [];
    const kapacitor = kapacitorBefore(mirror, {
      writes: 'coalesced',
      onPoint: ({ time }) => seen.push(time),
    });
    await kapacitor.init();
    for (let time = 1n; time <= 1000n; time++) {
      if (!kapacitor.point({ time, name: 'cpu', fields: { value: 1 } })) await kapacitor.drained();
    }
    await kapacitor.received({ points: 1000 });
    expect(await kapacitor.stop()).toEqual({ points: [], batches: [] });
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, index) => BigInt(index + 1)));
  });
});

/** What a script's agent does wrong, and what the peer says about it. */
interface Case {
  readonly does: string;
  readonly rule: ProtocolRule;
  readonly script: Script;
  readonly says: RegExp;
  readonly play?: (kapacitor: KapacitorPeer) => Promise<unknown>;
}

/** An agent that sends this when a point comes. */
function atPoint(...responses: readonly Response[]): Script {
  return {
    on: {
      point: (agent) => {
        agent.send(...responses);
      },
    },
  };
}

function bytesAtPoint(...bytes: readonly number[]): Script {
  return {
    on: {
      point: (agent) => {
        agent.write(Buffer.from(bytes));
      },
    },
  };
}

async function onePoint(kapacitor: KapacitorPeer): Promise<void> {
  await kapacitor.info();
  await kapacitor.init();
  kapacitor.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
  await kapacitor.stop();
}

const provideBatches: Script['on'] = {
  info: (agent) => {
    agent.send({ kind: 'info', wants: 'stream', provides: 'batch', options: {} });
  },
};

function atPointOfBatchUdf(...responses: readonly Response[]): Script {
  return { on: { ...provideBatches, ...atPoint(...responses).on } };
}

const cases: readonly Case[] = [
  {
    does: 'ends a batch that has not begun',
    rule: 'end-without-begin',
    script: atPointOfBatchUdf({ kind: 'end', ...end }),
    says: /batch "cpu" ended without having begun \(daemon crashes: /,
  },
  {
    does: 'announces a negative size',
    rule: 'batch-size',
    script: atPointOfBatchUdf({ kind: 'begin', ...begin, size: -1n }),
    says: /announces a size of -1 \(daemon crashes/,
  },
  {
    does: 'announces a huge size',
    rule: 'batch-size',
    script: atPointOfBatchUdf({ kind: 'begin', ...begin, size: 2n ** 40n }),
    says: /announces a size of 1099511627776 \(daemon crashes/,
  },
  { does: 'sends no bytes', rule: 'empty-response', script: bytesAtPoint(0), says: /daemon crashes/ },
  {
    does: 'sends a message that nobody knows',
    rule: 'unknown-response',
    script: bytesAtPoint(2, 0x7a, 0),
    says: /holds no message .*daemon crashes/,
  },
  {
    does: 'prints to standard output',
    rule: 'stray-bytes',
    script: bytesAtPoint(...Buffer.from('\nhello world\n')),
    says: /task fails: Kapacitor ends the task with a read error/,
  },
  {
    does: 'sends a point whose bytes are none',
    rule: 'stray-bytes',
    script: bytesAtPoint(5, 0x8a, 0x01, 2, 0x08, 0xff),
    says: /task fails/,
  },
  {
    does: 'announces a message of 8 GiB',
    rule: 'message-size',
    script: bytesAtPoint(0x80, 0x80, 0x80, 0x80, 0x20),
    says: /8589934592 bytes.*daemon crashes/,
  },
  {
    does: 'sends a length that does not end',
    rule: 'message-size',
    script: bytesAtPoint(...Buffer.alloc(12, 0xff)),
    says: /length takes more than 5 bytes.*daemon crashes/,
  },
  {
    does: 'closes in the middle of a message',
    rule: 'truncated-response',
    script: {
      on: bytesAtPoint(9, 1).on!,
      halfClosed: (agent) => {
        agent.end();
      },
    },
    says: /ended inside a message \(task fails/,
  },
  {
    does: 'sends an error',
    rule: 'error-response',
    script: atPoint({ kind: 'error', error: 'no value in the point' }),
    says: /no value in the point \(task fails: Kapacitor ends the task with this error/,
  },
  {
    does: 'closes the connection',
    rule: 'early-eof',
    script: {
      on: {
        snapshot: (agent) => {
          agent.send({ kind: 'snapshot', snapshot: Buffer.of(1) });
          agent.end();
        },
      },
    },
    play: async (kapacitor) => {
      await kapacitor.init();
      await kapacitor.snapshot();
      await kapacitor.received({ points: 1 });
    },
    says: /task fails: Kapacitor ends the task at its next write/,
  },
  {
    does: 'does not answer',
    rule: 'missing-response',
    script: { on: { snapshot: () => undefined } },
    play: async (kapacitor) => {
      await kapacitor.init();
      await kapacitor.snapshot();
    },
    says: /no answer to snapshot within 50 ms \(daemon hangs/,
  },
  {
    does: 'closes without the answer it owes',
    rule: 'missing-response',
    script: {
      on: {
        snapshot: (agent) => {
          agent.end();
        },
      },
    },
    play: async (kapacitor) => {
      await kapacitor.init();
      await kapacitor.snapshot();
    },
    says: /closed the connection without answering snapshot \(daemon hangs/,
  },
  {
    does: 'still owes an answer when the task stops',
    rule: 'missing-response',
    script: { on: { snapshot: () => undefined } },
    play: async (kapacitor) => {
      await kapacitor.init();
      const snapshot = kapacitor.snapshot();
      await Promise.all([snapshot, kapacitor.stop()]);
    },
    says: /within 50 ms \(daemon hangs/,
  },
  {
    does: 'answers twice',
    rule: 'unasked-response',
    script: {
      on: {
        snapshot: (agent) => {
          const response = { kind: 'snapshot', snapshot: Buffer.of(1) } as const;
          agent.send(response, response);
        },
      },
    },
    play: async (kapacitor) => {
      await kapacitor.init();
      await kapacitor.snapshot();
      await kapacitor.stop();
    },
    says: /a response to snapshot came that was not requested \(data is lost/,
  },
  {
    does: 'sends a point before init is answered',
    rule: 'data-before-ready',
    script: {
      on: {
        init: (agent) => {
          agent.send({ kind: 'point', ...point }, { kind: 'init', success: true, error: '' });
        },
      },
    },
    says: /a point came too early \(daemon hangs/,
  },
  {
    does: 'sends a point before restore is answered',
    rule: 'data-before-ready',
    script: {
      on: {
        restore: (agent) => {
          agent.send({ kind: 'point', ...point }, { kind: 'restore', success: true, error: '' });
        },
      },
    },
    play: async (kapacitor) => {
      await kapacitor.init();
      await kapacitor.restore(Buffer.of(1));
    },
    says: /a point came too early \(daemon hangs/,
  },
  {
    does: 'refuses init and closes',
    rule: 'init-refused',
    script: {
      on: {
        init: (agent) => {
          agent.send({ kind: 'init', success: false, error: '.field() is required' });
          agent.end();
        },
      },
    },
    says: /\.field\(\) is required \(task fails/,
  },
  {
    does: 'refuses a snapshot and closes',
    rule: 'restore-refused',
    script: {
      on: {
        restore: (agent) => {
          agent.send({ kind: 'restore', success: false, error: 'damaged' });
          agent.end();
        },
      },
    },
    play: async (kapacitor) => {
      await kapacitor.init();
      await kapacitor.restore(Buffer.of(1));
    },
    says: /damaged \(task fails: .* until it is deleted/,
  },
  {
    does: 'refuses init and stays connected',
    rule: 'open-after-refusal',
    script: {
      on: {
        init: (agent) => {
          agent.send({ kind: 'init', success: false, error: 'no' });
        },
      },
    },
    says: /left open after init refused within 50 ms \(daemon hangs/,
  },
  {
    does: 'does not close when Kapacitor has half-closed',
    rule: 'no-eof-after-half-close',
    script: { halfClosed: () => undefined },
    says: /not closed within 50 ms \(daemon hangs/,
  },
  {
    does: 'begins a batch inside another',
    rule: 'nested-batch',
    script: atPointOfBatchUdf(
      { kind: 'begin', ...begin },
      { kind: 'point', ...point },
      { kind: 'begin', ...begin },
    ),
    says: /began inside batch "cpu", which had 1 point \(data is lost/,
  },
  {
    does: 'closes in the middle of a batch',
    rule: 'unfinished-batch',
    script: atPointOfBatchUdf({ kind: 'begin', ...begin }),
    says: /inside batch "cpu" after 0 points \(data is lost/,
  },
  {
    does: 'sends a batch where it provides a stream',
    rule: 'wrong-edge',
    script: atPoint({ kind: 'begin', ...begin }),
    says: /batch "cpu" came from a UDF that provides a stream/,
  },
  {
    does: 'sends a point outside a batch where it provides batches',
    rule: 'wrong-edge',
    script: atPointOfBatchUdf({ kind: 'point', ...point }),
    says: /a point came outside a batch, at 1,/,
  },
];

describe('the peer names it when an agent', () => {
  test.each(cases)('$does: $rule', async ({ rule, script, says, play = onePoint }) => {
    const kapacitor = createKapacitorPeer(scriptedAgent(script), { answerTimeoutMs: 50 });
    await expect(play(kapacitor)).rejects.toMatchObject({
      code: 'protocol',
      rule,
      message: expect.stringMatching(says) as string,
    });
    expect(kapacitor.failure?.rule).toBe(rule);
    await kapacitor.closed;
    await expect(kapacitor.stop()).rejects.toBe(kapacitor.failure);
  });

  test('does not respond for the length of the timeout: keepalive-timeout', async () => {
    vi.useFakeTimers();
    const transport = scriptedAgent({ on: { keepalive: () => undefined } });
    const kapacitor = createKapacitorPeer(transport, { keepaliveTimeoutMs: 1000 });
    await kapacitor.init();
    await vi.advanceTimersByTimeAsync(999);
    expect(kapacitor.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(kapacitor.failure?.message).toMatch(/^no response for 1000 ms.*\(task fails: /);
  });
});

test('a connection that breaks is a failure too: connection-lost', async () => {
  const transport = scriptedAgent({});
  const kapacitor = createKapacitorPeer(transport);
  await kapacitor.init();
  const waits = kapacitor.received({ points: 1 });
  transport.input.destroy(new Error('read ECONNRESET'));
  await expect(waits).rejects.toMatchObject({ rule: 'connection-lost', detail: 'read ECONNRESET' });
});

test('any response keeps the task alive, not only a keepalive', async () => {
  vi.useFakeTimers();
  const transport = scriptedAgent({
    on: { keepalive: () => undefined, ...atPoint({ kind: 'point', ...point }).on },
  });
  const kapacitor = createKapacitorPeer(transport, { keepaliveTimeoutMs: 1000 });
  await kapacitor.init();
  for (let sent = 0; sent < 5; sent++) {
    await vi.advanceTimersByTimeAsync(900);
    kapacitor.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
  }
  expect((await kapacitor.stop()).points).toHaveLength(5);
});

test('what waits when the conversation is aborted is told so', async () => {
  const kapacitor = createKapacitorPeer(scriptedAgent({}));
  await kapacitor.init();
  const waits = kapacitor.received({ points: 1 });
  kapacitor.abort();
  await expect(waits).rejects.toMatchObject({ rule: 'connection-lost' });
});

describe('an encoded request', () => {
  const initRequest = (...options: readonly OptionCall[]): Buffer =>
    encodeRequest({ kind: 'init', taskID: 'test', nodeID: 'udf2', options });

  test('starts the task as init does, and the responses are seen as they came', async () => {
    const frames: Buffer[] = [];
    const kapacitor = kapacitorBefore(mirror, { onResponse: (frame) => frames.push(frame) });
    kapacitor.request(initRequest());
    kapacitor.request(encodeRequest({ kind: 'point', ...point }));
    expect((await kapacitor.stop()).points).toHaveLength(1);
    expect(frames).toEqual([
      encodeResponse({ kind: 'init', success: true, error: '' }),
      encodeResponse({ kind: 'point', ...point }),
    ]);
  });

  test('has to be answered before the task can stop', async () => {
    const agent = scriptedAgent({ on: { snapshot: () => undefined } });
    const kapacitor = createKapacitorPeer(agent, { answerTimeoutMs: 50 });
    kapacitor.request(encodeRequest({ kind: 'snapshot' }));
    await expect(kapacitor.stop()).rejects.toMatchObject({ rule: 'missing-response' });
  });

  test('that is refused ends the conversation', async () => {
    const kapacitor = kapacitorBefore(mirror);
    kapacitor.request(initRequest({ name: 'nonsense', args: [] }));
    await kapacitor.closed;
    expect(kapacitor.failure).toMatchObject({
      rule: 'init-refused',
      detail: expect.stringContaining('unknown option .nonsense()') as string,
    });
  });
});

describe('when writing fails, as it does to a child process that has ended', () => {
  function brokenOutput(): { readonly input: PassThrough; readonly transport: Transport } {
    const input = new PassThrough();
    const output = new Writable({
      write: (_chunk, _encoding, done) => {
        done(new Error('write EPIPE'));
      },
    });
    const destroy = (): void => {
      input.destroy();
      output.destroy();
    };
    return { input, transport: { description: 'broken', input, output, destroy } };
  }

  test('what the agent wrote before is read, and its own error is the failure', async () => {
    const { input, transport } = brokenOutput();
    const kapacitor = createKapacitorPeer(transport);
    const started = kapacitor.init();
    await once(transport.output, 'error');
    input.end(encodeResponse({ kind: 'error', error: 'no such file' }));
    await expect(started).rejects.toMatchObject({ rule: 'error-response', detail: 'no such file' });
  });

  test('and nothing comes to tell why, the connection is lost', async () => {
    const { input, transport } = brokenOutput();
    const kapacitor = createKapacitorPeer(transport, { answerTimeoutMs: 50 });
    kapacitor.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
    await once(transport.output, 'error');
    await expect(kapacitor.drained()).rejects.toMatchObject({
      rule: 'connection-lost',
      detail: 'write EPIPE',
    });
    expect(input.destroyed).toBe(true);
  });
});
