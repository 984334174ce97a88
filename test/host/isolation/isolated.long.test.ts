import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { IsolatedAgent } from '../../../src/host/isolation/front/isolated-agent.js';
import type { ServedUdf } from '../../../src/host/served-udf.js';
import { showStates } from '../../../src/host/state/inspect-states.js';
import { createKapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import type { KapacitorPeer } from '../../../src/peer/interface.js';
import type { LogLine } from '../../../src/telemetry/memory-logger.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { encodeRequest } from '../../../src/wire/messages.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';
import { type Cli, serve } from '../../support/spawn-cli.js';
import { tempDir } from '../../support/temp-dir.js';
import { batchRequests } from '../../support/udf-messages.js';

const module = new URL('modules/faulty.mjs', import.meta.url);

const MiB = 1024 * 1024;

/** UDFs in workers with 256 MiB, and with 64 MiB. */
let udfs: ReadonlyMap<string, ServedUdf>;
let smallUdfs: ReadonlyMap<string, ServedUdf>;
/** Holds the names of the faults that have happened; workers get its path in their environment. */
let faults: string;

beforeAll(async () => {
  faults = mkdtempSync(join(tmpdir(), 'faults-'));
  process.env.FAULTS_DIR = faults;
  [udfs, smallUdfs] = await Promise.all([isolatedUdfs(module), isolatedUdfs(module, 64 * MiB)]);
});

beforeEach(() => {
  for (const file of readdirSync(faults)) rmSync(join(faults, file));
});

afterAll(() => {
  rmSync(faults, { recursive: true });
  delete process.env.FAULTS_DIR;
});

/** A host whose UDFs run in workers. */
function serveIsolated(directory: string, ...args: readonly string[]): Promise<Cli> {
  return serve(['--isolate', '--load', fileURLToPath(module), '--socket-dir', directory, ...args]);
}

/** Kapacitor, connected to a UDF of such a host. */
async function peerOf(directory: string, udf: string): Promise<KapacitorPeer> {
  const peer = createKapacitorPeer(await dialUnix(join(directory, `${udf}.sock`)), {
    answerTimeoutMs: 20_000,
  });
  onTestFinished(() => {
    peer.abort();
  });
  return peer;
}

type Settings = Parameters<typeof isolatedInMemory>[1] & { readonly isSmall?: boolean };

const points = 1_000;

/** Sends points of ten groups, of which one in the middle has the fault. */
function sendPoints(peer: KapacitorPeer, fault: string): void {
  for (let index = 0; index < points; index++) {
    const tags = { host: `h${index % 10}` };
    const fields = index === points / 2 ? { value: index, do: fault } : { value: index };
    peer.point({ time: BigInt(index), name: 'cpu', tags, dimensions: ['host'], fields });
  }
}

/** What a UDF that nothing has happened to emits: each point with its number in its group. */
const undisturbed = Array.from({ length: points }, (_, index) => [index, Math.floor(index / 10) + 1]);

function counts(peer: Pick<KapacitorPeer, 'points'>): unknown[] {
  return peer.points.map(({ fields }) => [fields.value, fields.count]);
}

describe('a fault of an isolated UDF', () => {
  test.each([
    ['exit', {}, 'called process.exit(0)'],
    ['loop', { limits: { handlerMs: 1000 } }, 'has not returned from a handler within 1000 ms'],
    ['regexp', { limits: { handlerMs: 1000 } }, 'has not returned from a handler within 1000 ms'],
    ['hang', { limits: { handlerMs: 1000 } }, 'has not returned from a handler within 1000 ms'],
    ['heap', { isSmall: true }, 'took more than 64 MiB of memory'],
    ['buffers', {}, 'took more than 256 MiB of buffers'],
    ['timer', {}, 'has thrown outside a handler: thrown in a timer'],
    ['emitter', {}, 'has thrown outside a handler: no listener'],
  ])(
    '%s: loses, doubles and reorders nothing',
    async (fault, { isSmall = false, ...settings }: Settings, cause) => {
      const udf = (isSmall ? smallUdfs : udfs).get('faulty')!;
      const { kapacitor: peer, log } = isolatedInMemory(udf, settings);
      const { kapacitor: other, log: otherLog } = isolatedInMemory(udf, settings);
      await peer.init();
      await other.init();
      sendPoints(peer, fault);
      for (let index = 0; index < points; index++) {
        other.point({ time: BigInt(index), name: 'cpu', fields: { value: index } });
      }
      expect(counts(await peer.stop())).toEqual(undisturbed);
      expect((await other.stop()).points).toHaveLength(points);
      const errors = log.filter(({ level }) => level === 'error');
      expect(errors).toMatchObject([{ details: { udf: 'faulty', task: 'test', node: 'udf2' } }]);
      expect(errors[0]!.message).toContain(`faulty: the worker ${cause}`);
      expect(otherLog.filter(({ level }) => level === 'error')).toEqual([]);
      expect(errors[0]!.message).toContain(
        'it is replaced, and the new one continues from its last snapshot',
      );
    },
  );

  test('the state before the fault is that of a snapshot that Kapacitor has restored', async () => {
    const udf = udfs.get('faulty')!;
    const { kapacitor: first } = isolatedInMemory(udf);
    await first.init();
    for (const value of [1, 2, 3]) first.point({ time: BigInt(value), name: 'cpu', fields: { value } });
    const snapshot = await first.snapshot();
    await first.stop();

    const { kapacitor: second } = isolatedInMemory(udf);
    await second.init();
    await second.restore(snapshot);
    second.point({ time: 4n, name: 'cpu', fields: { value: 4 } });
    second.point({ time: 5n, name: 'cpu', fields: { value: 5, do: 'exit' } });
    expect(counts(await second.stop())).toEqual([
      [4, 4],
      [5, 5],
    ]);
  });

  test('and then of the host: what was stored is neither repeated nor lost', async () => {
    const directory = tempDir();
    const states = tempDir();
    const host = await serveIsolated(directory, '--state-dir', states, '--state-interval', '1ms');
    const first = await peerOf(directory, 'faulty');
    await first.init();
    for (const value of [1, 2, 3]) {
      const fields = value === 2 ? { value, do: 'exit' } : { value };
      first.point({ time: BigInt(value), name: 'cpu', fields });
    }
    await first.received({ points: 3 });
    expect(counts(first)).toEqual([1, 2, 3].map((count) => [count, count]));
    const stored = async (): Promise<unknown> =>
      (await showStates(states, {}, { maxGroups: 1 }))[0]?.shown[0]?.state;
    await vi.waitUntil(async () => isDeepStrictEqual(await stored(), { count: 3 }), 10_000);
    await host.stop('SIGKILL');
    first.abort();

    await serveIsolated(directory, '--state-dir', states);
    const second = await peerOf(directory, 'faulty');
    await second.init();
    second.point({ time: 4n, name: 'cpu', fields: { value: 4 } });
    expect(counts(await second.stop())).toEqual([[4, 4]]);
  });

  test('in stop: each group emits once', async () => {
    const { kapacitor: peer } = isolatedInMemory(udfs.get('faultyStop')!);
    await peer.init();
    for (const host of ['a', 'b', 'c']) {
      const fields = host === 'b' ? { value: 1, do: 'once' } : { value: 1 };
      peer.point({ time: 1n, name: 'cpu', tags: { host }, dimensions: ['host'], fields });
    }
    expect((await peer.stop()).points.map(({ tags }) => tags.host)).toEqual(['a', 'b', 'c']);
  });
});

describe('a point that ends its worker twice', () => {
  test.each([
    ['drop' as const, undisturbed.filter(([index]) => index !== points / 2).length, 'dropped'],
    ['pass' as const, points, 'passed on unchanged'],
  ])('is left to the error policy %s', async (policy, count, consequence) => {
    const { kapacitor: peer, log } = isolatedInMemory(udfs.get('faulty')!, { onError: policy });
    await peer.init();
    sendPoints(peer, 'exit always');
    const { points: emitted } = await peer.stop();
    expect(emitted).toHaveLength(count);
    expect(emitted.map(({ time }) => time)).toEqual(emitted.map(({ time }) => time).sort(compare));
    const poison = emitted.find(({ time }) => time === BigInt(points / 2));
    expect(poison?.fields).toEqual(policy === 'pass' ? { value: points / 2, do: 'exit always' } : undefined);
    expect(logged(log, `twice on the point of group "host=h0" at ${points / 2}; ${consequence}`)).toBe(true);
  });

  test('ends the task where the policy is to stop, with the reason', async () => {
    const { kapacitor: peer } = isolatedInMemory(udfs.get('faulty')!);
    await peer.init();
    sendPoints(peer, 'exit always');
    await expect(peer.stop()).rejects.toThrow(
      /called process.exit\(0\), twice on the point of group "host=h0"/,
    );
  });

  test('the option of the TICKscript comes before that of the host', async () => {
    const { kapacitor: peer } = isolatedInMemory(udfs.get('faulty')!, { onError: 'pass' });
    await peer.init(".onError('drop')");
    sendPoints(peer, 'exit always');
    expect((await peer.stop()).points).toHaveLength(points - 1);
  });

  test('is the one that is left out where it waited in .reorder(), whatever released it', async () => {
    const { kapacitor: peer, log, agent } = isolatedInMemory(udfs.get('faulty')!, { onError: 'drop' });
    await peer.init('.reorder(3ns).distinct()');
    for (let time = 1; time <= 20; time++) {
      const fields = time === 10 ? { value: time, do: 'exit always' } : { value: time };
      // Pairs in reverse order, each point twice.
      const shown = time % 2 === 0 ? time - 1 : time + 1;
      const point = { name: 'cpu', time: BigInt(shown), fields: { ...fields, value: shown } };
      peer.point(point);
      peer.point(point);
    }
    const { points: emitted } = await peer.stop();
    expect(counts({ points: emitted })).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1)
        .filter((time) => time !== 9)
        .map((time, index) => [time, index + 1]),
    );
    expect(agent.stats.restarts).toEqual({ exit: 2 });
    expect(log.filter(({ message }) => message.includes('twice on the point at 9; dropped'))).toHaveLength(1);
  });

  test('in a batch that is handled as a whole, leaves out the batch', async () => {
    const { kapacitor: peer, log } = isolatedInMemory(udfs.get('faultyBatch')!, { onError: 'drop' });
    await peer.init();
    for (let time = 1n; time <= 5n; time++) {
      const fields = time === 3n ? { value: 1, do: 'exit always' } : { value: 1 };
      peer.batch({ name: 'cpu', time, points: [{ time, fields }] });
    }
    const { batches } = await peer.stop();
    expect(batches.map(({ time }) => time)).toEqual([1n, 2n, 4n, 5n]);
    expect(batches.map(({ points: [point] }) => point!.fields.count)).toEqual([1, 2, 3, 4]);
    expect(logged(log, 'twice on the batch at 3; dropped')).toBe(true);
  });

  test('in a batch that is handled point by point, is left out alone', async () => {
    const { kapacitor: peer } = isolatedInMemory(udfs.get('faultyPoints')!, { onError: 'drop' });
    await peer.init();
    const of = (time: bigint): { time: bigint; fields: Record<string, number | string> } => ({
      time,
      fields: time === 2n ? { value: 1, do: 'exit always' } : { value: 1 },
    });
    peer.batch({ name: 'cpu', time: 3n, points: [1n, 2n, 3n].map(of) });
    const { points: emitted } = await peer.stop();
    expect(emitted.map(({ time, fields }) => [time, fields.count])).toEqual([
      [1n, 1],
      [3n, 2],
    ]);
  });

  test('in stop, is left to the error policy: the other groups emit', async () => {
    const { kapacitor: peer, log } = isolatedInMemory(udfs.get('faultyStop')!, { onError: 'drop' });
    await peer.init();
    for (const host of ['a', 'b', 'c']) {
      const fields = host === 'b' ? { value: 1, do: 'always' } : { value: 1 };
      peer.point({ time: 1n, name: 'cpu', tags: { host }, dimensions: ['host'], fields });
    }
    expect((await peer.stop()).points.map(({ tags }) => tags.host)).toEqual(['a', 'c']);
    expect(
      log.filter(({ message }) => message.includes('twice in stop of group "host=b"; dropped')),
    ).toHaveLength(1);
  });

  test('in stop, ends the task where the policy is to stop', async () => {
    const { kapacitor: peer } = isolatedInMemory(udfs.get('faultyStop')!);
    await peer.init();
    peer.point({ time: 1n, name: 'cpu', fields: { value: 1, do: 'always' } });
    await expect(peer.stop()).rejects.toThrow('called process.exit(1), twice in stop of group ""');
  });
});

describe('batches', () => {
  test('under way are repeated whole', async () => {
    const { kapacitor: peer } = isolatedInMemory(udfs.get('faultyBatch')!);
    await peer.init();
    for (let time = 1n; time <= 5n; time++) {
      const last = time === 3n ? { value: 2, do: 'exit' } : { value: 2 };
      const two = [
        { time, fields: { value: 1 } },
        { time, fields: last },
      ];
      peer.batch({ name: 'cpu', time, points: two });
    }
    const { batches } = await peer.stop();
    expect(
      batches.map(({ time, points: { length }, points: [point] }) => [time, length, point!.fields.count]),
    ).toEqual([
      [1n, 2, 1],
      [2n, 2, 2],
      [3n, 2, 3],
      [4n, 2, 4],
      [5n, 2, 5],
    ]);
  });
});

describe('calls that overlap', () => {
  test.each([
    ['exit', {}, 'called process.exit(0)'],
    ['loop', { limits: { handlerMs: 1000 } }, 'has not returned from a handler within 1000 ms'],
    ['hang', { limits: { handlerMs: 1000 } }, 'has not returned from a handler within 1000 ms'],
    ['timer', {}, 'has thrown outside a handler: thrown in a timer'],
  ])('%s: are repeated so that nothing is lost, doubled or reordered', async (fault, settings, cause) => {
    const { kapacitor: peer, log } = isolatedInMemory(udfs.get('faultyOverlap')!, settings);
    await peer.init();
    sendPoints(peer, fault);
    expect(counts(await peer.stop())).toEqual(undisturbed);
    const errors = log.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]!.message).toContain(`faultyOverlap: the worker ${cause}`);
  });

  test('of which one always ends the worker: that one is found, and left to the error policy', async () => {
    const { kapacitor: peer, log } = isolatedInMemory(udfs.get('faultyOverlap')!, { onError: 'drop' });
    await peer.init();
    sendPoints(peer, 'exit always');
    const { points: emitted } = await peer.stop();
    expect(emitted.map(({ time }) => Number(time))).toEqual(
      Array.from({ length: points }, (_, index) => index).filter((index) => index !== points / 2),
    );
    const message = `twice on the point of group "host=h0" at ${points / 2}; dropped`;
    expect(log.some((line) => line.message.includes(message))).toBe(true);
  });

  test('of which some fail, give each dead letter once', async () => {
    const letters: string[] = [];
    const deadLetters = {
      add: (_use: unknown, letter: { readonly reason: string }) => letters.push(letter.reason),
    };
    const settings = { onError: 'drop', deadLetters } as const;
    const { kapacitor: peer } = isolatedInMemory(udfs.get('faultyOverlap')!, settings);
    await peer.init();
    for (let index = 0; index < points; index++) {
      const tags = { host: `h${index % 10}` };
      const fault = index === points / 2 ? 'exit' : index % 50 === 7 ? 'throw always' : undefined;
      const fields = { value: index, ...(fault !== undefined && { do: fault }) };
      peer.point({ time: BigInt(index), name: 'cpu', tags, dimensions: ['host'], fields });
    }
    expect((await peer.stop()).points).toHaveLength(points - 20);
    expect(letters).toEqual(Array<string>(20).fill('refused'));
  });
});

test('options are refused as without isolation', async () => {
  const { kapacitor: peer } = isolatedInMemory(udfs.get('edgeDetect')!);
  await expect(peer.init()).rejects.toThrow('one of .field() or .tag() is required');
});

function logged(log: readonly LogLine[], text: string): boolean {
  return log.some(({ message }) => message.includes(text));
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : Number(one > other);
}

describe('an isolated UDF whose batches never end with a read', () => {
  test('gets internal snapshots between them, so that the journal stays below its limit', async () => {
    const limits = { journalBytes: 32 * 1024, batchBytes: 32 * 1024 };
    const { agent, kapacitor } = isolatedInMemory(udfs.get('faultyBatch')!, { limits });
    await kapacitor.init();
    const head = { name: 'cpu', group: '', tags: {} };
    const points = Array.from({ length: 20 }, (_, time) =>
      encodeRequest({
        kind: 'point',
        time: BigInt(time),
        name: '',
        database: '',
        retentionPolicy: '',
        group: '',
        dimensions: [],
        tags: {},
        fieldsDouble: { value: time },
        fieldsInt: {},
        fieldsString: {},
        fieldsBool: {},
        byName: false,
      }),
    );
    const begin = encodeRequest({ kind: 'begin', ...head, size: BigInt(points.length), byName: false });
    const end = encodeRequest({ kind: 'end', ...head, tmax: 1n, byName: false });
    kapacitor.write(begin);
    const batches = 300;
    for (let batch = 1; batch <= batches; batch++) {
      kapacitor.write(Buffer.concat([...points, end, ...(batch < batches ? [begin] : [])]));
      await kapacitor.received({ batches: batch });
    }
    const { batches: emitted } = await kapacitor.stop();
    expect(agent.stats.bytesIn).toBeGreaterThan(2 * limits.journalBytes);
    expect(emitted.at(-1)!.points[0]!.fields.count).toBe(batches);
  });
});

describe('a reload that comes within a batch', () => {
  const frames = () =>
    batchRequests({
      name: 'cpu',
      time: 1n,
      points: [1n, 2n].map((time) => ({ time, fields: { value: 1 } })),
    }).map(encodeRequest);

  test('happens between two batches, though each read ends within one: nothing is lost or doubled', async () => {
    const { agent, kapacitor } = isolatedInMemory(udfs.get('faultyBatch')!);
    await kapacitor.init();
    const [begin, first, second, end] = frames();
    kapacitor.write(Buffer.concat([begin!, first!]));
    const progress = { isReloaded: false };
    const reloaded = (agent as IsolatedAgent).reload().then(() => {
      progress.isReloaded = true;
    });
    let count = 0;
    while (!progress.isReloaded) {
      kapacitor.write(Buffer.concat([second!, end!, begin!, first!]));
      await kapacitor.received({ batches: ++count });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await reloaded;
    kapacitor.write(Buffer.concat([second!, end!]));
    const { batches } = await kapacitor.stop();
    expect(batches.map(({ points }) => points.map(({ fields }) => fields.count))).toEqual(
      Array.from({ length: count + 1 }, (_, index) => [index + 1, index + 1]),
    );
    expect(agent.stats.restarts).toEqual({});
  });

  test('settles when the connection ends before the batch does', async () => {
    const { agent, kapacitor } = isolatedInMemory(udfs.get('faultyBatch')!);
    await kapacitor.init();
    kapacitor.write(Buffer.concat(frames().slice(0, 2)));
    await kapacitor.snapshot();
    const reloads = [1, 2].map(() => (agent as IsolatedAgent).reload());
    kapacitor.abort();
    await Promise.all(reloads);
    await agent.closed;
  });
});
