// Plays Kapacitor in a process of its own, so that nothing but the host's work is measured. Told by `stream-client.ts`:
// streams points at a rate until there are enough and its parent says "finish", and then sends what it has measured.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameReader } from '../../../dist/src/wire/frame-reader.js';
import { payloadStart } from '../../../dist/src/wire/framing.js';
import { decodeResponse, encodeRequest } from '../../../dist/src/wire/messages.js';
import { keepaliveTag, timeTag } from '../../../dist/src/wire/tags.js';

const pointsPerWrite = 500;
const keepaliveIntervalMs = 20;
const groups = 100;
const firstTime = 1_700_000_000_000_000_000n;
const timeStep = 1_000_000n;

let mayFinish = false;
let sent = 0;
let points = 0;
const keepalives = { asked: 0, answered: 0, slowestMs: 0 };

const { path, options, minPoints, pointsPerSecond } = await new Promise((resolve) => {
  process.on('message', (message) => {
    if (message === 'finish') mayFinish = true;
    else if (message === 'progress') process.send({ sent, points, keepalives });
    else resolve(message);
  });
});
process.once('disconnect', () => process.exit());

/** The points of a write, at times yet to be set, and where the varint of each one's time begins. */
function encodeBlock(first) {
  const encoded = [];
  const times = [];
  let at = 0;
  for (let index = first; index < first + pointsPerWrite; index++) {
    const host = `h${index % groups}`;
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

/** Encoding each point would take longer than the host does: blocks are sent again, with other times. */
const blocks = Array.from({ length: 20 }, (_, index) => encodeBlock(index * pointsPerWrite));

function frames(write) {
  const { bytes, times } = blocks[write % blocks.length];
  const copy = Buffer.from(bytes);
  let time = firstTime + BigInt(write * pointsPerWrite) * timeStep;
  for (const at of times) {
    let rest = time;
    for (let offset = at; ; offset++, rest >>= 7n) {
      if (rest < 0x80n) {
        copy[offset] = Number(rest);
        break;
      }
      copy[offset] = Number(rest & 0x7fn) | 0x80;
    }
    time += timeStep;
  }
  return copy;
}

const socket = createConnection({ path, allowHalfOpen: true });
await once(socket, 'connect');
socket.on('error', fail);

const digest = createHash('sha256');
const others = [];
/** When each keepalive was sent, by its time. */
const pending = new Map();
let lastOutputAt;
let longestStallMs = 0;
let lastResponseAt;
let longestSilenceMs = 0;

/** The frames of points that are adjacent in a chunk. */
let run;
let runStart = 0;
let runEnd = 0;

function endRun() {
  if (run) digest.update(run.subarray(runStart, runEnd));
  run = undefined;
}

let initialized;
const isInitialized = new Promise((resolve) => (initialized = resolve));

const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
  if (buf[payload] === keepaliveTag) {
    const { time } = decodeResponse(buf.subarray(payload, end));
    const sentAt = pending.get(time);
    if (sentAt === undefined) return; // a heartbeat
    pending.delete(time);
    keepalives.answered++;
    keepalives.slowestMs = Math.max(keepalives.slowestMs, performance.now() - sentAt);
    return;
  }
  if (buf[payload] < 0x80) {
    const response = decodeResponse(buf.subarray(payload, end));
    others.push(response.kind);
    if (response.kind === 'error' || response.success === false) fail(new Error(response.error));
    else initialized();
    return;
  }
  points++;
  if (buf === run && frame === runEnd) runEnd = end;
  else {
    endRun();
    run = buf;
    runStart = frame;
    runEnd = end;
  }
});

socket.on('data', (chunk) => {
  const before = points;
  reader.push(chunk);
  endRun();
  const now = performance.now();
  if (lastResponseAt !== undefined) longestSilenceMs = Math.max(longestSilenceMs, now - lastResponseAt);
  lastResponseAt = now;
  if (points === before) return;
  if (lastOutputAt !== undefined) longestStallMs = Math.max(longestStallMs, now - lastOutputAt);
  lastOutputAt = now;
});

function fail(error) {
  process.send({ error: error.message }, () => process.exit(1));
}

async function send(bytes) {
  if (!socket.write(bytes)) await once(socket, 'drain');
}

await send(encodeRequest({ kind: 'init', taskID: 'task', nodeID: 'node', options }));
await isInitialized;
/** How long this process waits for a processor at worst. */
let slowestTurnMs = 0;
let turnAt = performance.now();
const turns = setInterval(() => {
  slowestTurnMs = Math.max(slowestTurnMs, performance.now() - turnAt - 5);
  turnAt = performance.now();
}, 5);
const timer = setInterval(() => {
  const time = BigInt(++keepalives.asked);
  pending.set(time, performance.now());
  socket.write(encodeRequest({ kind: 'keepalive', time }));
}, keepaliveIntervalMs);
const startedAt = performance.now();
for (let write = 0; sent < minPoints || !mayFinish; write++) {
  await send(frames(write));
  sent += pointsPerWrite;
  const dueAt = pointsPerSecond > 0 ? startedAt + (sent / pointsPerSecond) * 1000 : 0;
  const waitMs = dueAt - performance.now();
  if (waitMs > 1) await sleep(waitMs);
  else if (write % 50 === 0) await sleep(0); // for messages of the parent
}
clearInterval(timer);
clearInterval(turns);
while (pending.size > 0) await sleep(1);
const ended = once(socket, 'end');
socket.end();
await ended;
process.send(
  {
    digest: digest.digest('hex'),
    sent,
    points,
    others,
    keepalives,
    longestStallMs,
    longestSilenceMs,
    slowestTurnMs,
  },
  () => process.exit(),
);
