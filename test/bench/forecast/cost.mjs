/** What forecasts cost in a host as users run it: memory and snapshot of many series, time of a forecast, waits meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkoutAgent, Server } from '../agents.mjs';
import { temporaryDirectory } from '../clean-up.mjs';
import { ByteWriter } from '../corpus/bytes.mjs';
import { Connection } from '../load/connection.mjs';
import { encodeRequest } from '../load/control.mjs';
import { cpuSeconds } from '../load/process-usage.mjs';
import { generateSeries } from './series.mjs';

const weeks = 12;
const root = fileURLToPath(new URL('../../..', import.meta.url));
const nanos = 1_000_000_000n;
/** Between keepalives while forecasts are made, in milliseconds. */
const keepaliveEvery = 10;

/** The options of the use: no forecasts before the last of the twelve weeks' hours. */
const init = encodeRequest({
  init: {
    options: [
      { name: 'field', values: [{ type: 3, stringValue: 'kw' }] },
      {
        name: 'minHistory',
        values: [{ type: 4, durationValue: String(BigInt(weeks * 7 * 86_400) * nanos) }],
      },
    ],
    taskID: 'bench',
    nodeID: 'forecast2',
  },
});

/**
 * Feeds so many series of twelve weeks of hours to a host. The last hour comes for the first `due` of them only, whose
 * forecasts are timed: those of all would take too long.
 */
export async function measureCost(count, due) {
  const directory = temporaryDirectory('forecast-cost-');
  const server = await Server.start(checkoutAgent('host', root), 'forecast', directory, { probed: true });
  try {
    const connection = await Connection.connect(server.address('forecast'));
    const answer = await connection.request(init);
    if (!answer.success) throw new Error(`init was refused: ${answer.error}`);
    const { start, interval, values } = generateSeries(1, weeks);
    const hours = hoursOf(count);
    const hour = (index, series = count) =>
      hours.at(BigInt(start + index * interval) * nanos, values[index], series);
    const send = async (bytes) => {
      if (!connection.write(Buffer.from(bytes))) await connection.drained(); // the block is overwritten
    };
    await send(hour(0, 1));
    await connection.keepalive();
    const before = await server.memory();
    const cpuAtStart = cpuSeconds(connection.pid);
    for (let index = 0; index < values.length - 1; index++) await send(hour(index));
    await connection.keepalive();
    const cpuOfPoints = cpuSeconds(connection.pid) - cpuAtStart;
    const after = await server.memory();
    const snapshotStart = performance.now();
    const { snapshot } = await connection.request({ snapshot: {} });
    const snapshotMilliseconds = performance.now() - snapshotStart;

    const cpu = cpuSeconds(connection.pid);
    const last = hour(values.length - 1, due);
    await send(last);
    let maxKeepalive = 0;
    const wanted = 4 * due;
    while (connection.received.points < wanted) {
      maxKeepalive = Math.max(maxKeepalive, await connection.keepalive());
      await sleep(keepaliveEvery);
    }
    const milliseconds = ((cpuSeconds(connection.pid) - cpu) * 1000) / due;
    await connection.finish();
    if (connection.received.points !== wanted) {
      throw new Error(`${due} series made ${connection.received.points} forecasts, not four each`);
    }
    return {
      heldBytes: (after.held - before.held) / (count - 1),
      residentBytes: (after.resident - before.resident) / (count - 1),
      snapshotBytes: snapshot.length / count,
      snapshotMilliseconds,
      pointMicroseconds: (cpuOfPoints * 1e6) / (count * (values.length - 1)),
      milliseconds,
      maxKeepalive,
    };
  } finally {
    await server.stop();
  }
}

/** The points of one hour for each series, encoded once: times and values are overwritten. */
export function hoursOf(count) {
  const writer = new ByteWriter(count * 128);
  const places = [];
  for (let series = 0; series < count; series++) {
    const site = String(series);
    writer.reserve(256);
    writer.frame(17, () => {
      writer.timeField(1, nanos << 30n);
      writer.textField(2, 'load');
      writer.textField(5, `site=${site}`);
      writer.textField(6, 'site');
      writer.messageField(7, () => {
        writer.textField(1, 'site');
        writer.textField(2, site);
      });
      writer.messageField(8, () => {
        writer.textField(1, 'kw');
        writer.doubleField(2, 1);
      });
    });
    places.push({ time: writer.timeAt, end: writer.at });
  }
  const bytes = writer.buf.subarray(0, writer.at);
  const encoded = Buffer.allocUnsafe(9);
  return {
    /** The bytes of the first `series` points at a time. They are valid until the next call. */
    at(time, value, series) {
      for (let byte = 0n; byte < 9n; byte++) {
        encoded[Number(byte)] = Number((time >> (7n * byte)) & 0x7fn) | (byte < 8n ? 0x80 : 0);
      }
      for (let index = 0; index < series; index++) {
        const place = places[index];
        encoded.copy(bytes, place.time);
        bytes.writeDoubleLE(value * (1 + index / count), place.end - 8);
      }
      return bytes.subarray(0, places[series - 1].end);
    },
  };
}
