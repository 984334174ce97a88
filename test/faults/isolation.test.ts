import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FrameReader } from '../../src/wire/frame-reader.js';
import type { OptionCall } from '../../src/model/option-call.js';
import { payloadStart } from '../../src/wire/framing.js';
import { decodeResponse, encodeRequest, encodeResponse } from '../../src/wire/messages.js';
import { keepaliveTag, timeTag } from '../../src/wire/tags.js';
import { type Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

const killWorkers = fileURLToPath(new URL('support/kill-workers.mjs', import.meta.url));
const isLong = process.env.FAULTS === 'long';

const pointCount = isLong ? 1_000_000 : 300_000;
const pointsPerWrite = 500;
const killCount = isLong ? 100 : 30;

/** 100 ms for an idle machine; this process also plays Kapacitor, and encodes what it sends. */
const maxKeepaliveMs = 1_000;

const string = (name: string, value: string): OptionCall => ({ name, args: [{ type: 'string', value }] });
const udfs: Readonly<Record<string, readonly OptionCall[]>> = {
  edgeDetect: [string('field', 'state'), string('as', 'now'), string('previousAs', 'before')],
  movingAverage: [string('field', 'value'), { name: 'size', args: [{ type: 'int', value: 10n }] }],
};

/** A generator of numbers from 0 to 1 that gives the same ones for a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const firstTime = 1_700_000_000_000_000_000n;

/** Encoded points, and where the varint of each one's time begins. */
interface Block {
  readonly bytes: Buffer;
  readonly times: readonly number[];
}

/** The points of a write, of a hundred groups, at times yet to be set. */
function encodeBlock(first: number): Block {
  const encoded: Buffer[] = [];
  const times: number[] = [];
  let at = 0;
  for (let index = first; index < first + pointsPerWrite; index++) {
    const host = `h${index % 100}`;
    const frame = encodeRequest({
      kind: 'point',
      time: firstTime,
      name: 'cpu',
      database: 'telegraf',
      retentionPolicy: 'autogen',
      group: `host=${host}`,
      dimensions: ['host'],
      tags: { host },
      fieldsDouble: { value: Math.sin(index) },
      fieldsInt: {},
      fieldsString: { state: Math.floor(index / 700) % 3 === 0 ? 'up' : 'down' },
      fieldsBool: {},
      byName: false,
    });
    times.push(at + payloadStart(frame) + frame.subarray(payloadStart(frame)).indexOf(timeTag, 3) + 1);
    at += frame.length;
    encoded.push(frame);
  }
  return { bytes: Buffer.concat(encoded), times };
}

/** Encoding a million points would take longer than the rest of the test: blocks are sent again, with other times. */
const blocks = Array.from({ length: 20 }, (_, index) => encodeBlock(index * pointsPerWrite));

/** The frames of a write. */
function frames(write: number): Buffer {
  const { bytes, times } = blocks[write % blocks.length]!;
  const copy = Buffer.from(bytes);
  let time = firstTime + BigInt(write * pointsPerWrite) * 1_000_000n;
  for (const at of times) {
    let rest = time;
    for (let offset = at; ; offset++, rest >>= 7n) {
      if (rest < 0x80n) {
        copy[offset] = Number(rest);
        break;
      }
      copy[offset] = Number(rest & 0x7fn) | 0x80;
    }
    time += 1_000_000n;
  }
  return copy;
}

interface Run {
  readonly digest: string;
  readonly points: number;
  readonly slowestKeepaliveMs: number;
}

/** Streams all points through a UDF; `beforeWrite` is called before each write. */
async function stream(
  socketPath: string,
  options: readonly OptionCall[],
  beforeWrite: (write: number) => Promise<void> | undefined = () => undefined,
): Promise<Run> {
  const socket: Socket = createConnection({ path: socketPath, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  const digest = createHash('sha256');
  let points = 0;
  let slowestKeepaliveMs = 0;
  const failed = new AbortController();
  const asked: number[] = [];
  const other: string[] = [];
  const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
    if (buf[payload] === keepaliveTag) {
      const at = asked.shift();
      if (at !== undefined) slowestKeepaliveMs = Math.max(slowestKeepaliveMs, performance.now() - at);
      return;
    }
    if (buf[payload]! < 0x80) {
      const response = decodeResponse(buf.subarray(payload, end));
      other.push(response.kind);
      if (response.kind === 'error') failed.abort(new Error(response.error));
      return;
    }
    digest.update(buf.subarray(frame, end));
    points++;
  });
  socket.on('data', (chunk: Buffer) => {
    reader.push(chunk);
  });
  const send = async (bytes: Buffer): Promise<void> => {
    if (!socket.write(bytes)) await once(socket, 'drain', { signal: failed.signal });
  };
  await send(encodeRequest({ kind: 'init', taskID: 'task', nodeID: 'node', options }));
  const keepalives = setInterval(() => {
    asked.push(performance.now());
    socket.write(encodeResponse({ kind: 'keepalive', time: 1n })); // a request has the same bytes
  }, 50);
  for (let write = 0; write < pointCount / pointsPerWrite; write++) {
    await beforeWrite(write);
    await send(frames(write));
  }
  clearInterval(keepalives);
  const ended = once(socket, 'end');
  socket.end();
  await ended;
  expect(other).toEqual(['init']);
  return { digest: digest.digest('hex'), points, slowestKeepaliveMs };
}

async function killableHost(udf: string): Promise<{ host: Cli; socketPath: string }> {
  const directory = tempDir();
  const host = await serve([udf, '--isolate', '--socket-dir', directory], {
    execArgv: ['--import', killWorkers],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return { host, socketPath: join(directory, `${udf}.sock`) };
}

describe.each(Object.entries(udfs))('isolated %s, its workers killed at random', (udf, options) => {
  const seeds = isLong ? Array.from({ length: 20 }, (_, seed) => seed) : [1];
  test.each(seeds)(
    'emits the same bytes as if undisturbed (seed %i)',
    async (seed) => {
      const plainDirectory = tempDir();
      await serve([udf, '--socket-dir', plainDirectory]);
      const undisturbed = await stream(join(plainDirectory, `${udf}.sock`), options);

      const { host, socketPath } = await killableHost(udf);
      const next = random(seed);
      const writes = pointCount / pointsPerWrite;
      const kills = new Set(Array.from({ length: killCount }, () => Math.floor(next() * writes)));
      const killed = await stream(socketPath, options, (write) => {
        if (!kills.has(write)) return undefined;
        const done = once(host.process, 'message').then(() => undefined);
        host.process.send('kill');
        return done;
      });
      const ends = host.log.filter(({ msg }) => String(msg).includes('it is replaced'));
      expect(killed.slowestKeepaliveMs).toBeLessThan(maxKeepaliveMs);
      expect(ends.length).toBeGreaterThan(kills.size / 2); // some hit the worker in reserve
      expect(killed.points).toBe(undisturbed.points);
      expect(killed.digest).toBe(undisturbed.digest);
    },
    180_000,
  );
});
