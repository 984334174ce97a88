/**
 * How long points of other groups wait while many series have forecasts due at once:
 * `node test/bench/forecast/delay.mjs [--series N] [--weeks N] [--seconds N] [--root DIR] [--isolate]`; needs a build.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkoutAgent, Server } from '../agents.mjs';
import { temporaryDirectory } from '../clean-up.mjs';
import { decodeResponse, encodeRequest } from '../load/control.mjs';
import { hoursOf } from './cost.mjs';
import { generateSeries } from './series.mjs';

const here = fileURLToPath(new URL('../../..', import.meta.url));
const nanos = 1_000_000_000n;
/** Between two points of other groups, in milliseconds. */
const pointEvery = 5;

const text = (name, value) => ({ name, values: [{ type: 3, stringValue: value }] });

/** Points without the field are sent back at once, by the error policy. */
const initOf = (weeks) =>
  encodeRequest({
    init: {
      options: [
        text('field', 'kw'),
        text('onMissing', 'error'),
        text('onError', 'pass'),
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
 * Feeds so many series of hours to a host. All have forecasts due with the last hour. Then points of another group, and
 * keepalives, come for some seconds.
 */
async function measureDelay({ series, weeks, seconds, root, options }) {
  const directory = temporaryDirectory('forecast-delay-');
  const server = await Server.start(checkoutAgent('host', root, options), 'forecast', directory);
  try {
    const line = await Line.open(server.address('forecast').path);
    await line.request(initOf(weeks));
    const { start, interval, values } = generateSeries(1, weeks);
    const hours = hoursOf(series);
    for (let index = 0; index < values.length; index++) {
      const bytes = hours.at(BigInt(start + index * interval) * nanos, values[index], series);
      await line.write(Buffer.from(bytes));
      if (index === values.length - 2) await line.echo();
    }
    const points = [];
    const keepalives = [];
    const end = performance.now() + 1000 * seconds;
    while (performance.now() < end) {
      points.push(line.echo());
      keepalives.push(line.keepalive());
      await sleep(pointEvery);
    }
    const made = line.forecasts / 4;
    // Those that wait still have waited at least so long.
    const waited = (all) => Promise.race([Promise.all(all), sleep(1000 * seconds).then(() => undefined)]);
    const result = {
      points: await waited(points),
      keepalives: await waited(keepalives),
      made,
    };
    line.end();
    return result;
  } finally {
    await server.stop();
  }
}

/** A connection that knows its own points among the output. */
class Line {
  forecasts = 0;
  #socket;
  #sent = 0;
  #waiting = new Map();
  #answer;

  static async open(path) {
    const { FrameReader } = await import(
      new URL('../../../dist/src/wire/frame-reader.js', import.meta.url).href
    );
    const line = new Line();
    const reader = new FrameReader(1 << 20, (buf, _frame, payload, end) =>
      line.#take(buf.subarray(payload, end)),
    );
    line.#socket = connect(path);
    line.#socket.on('data', (chunk) => reader.push(chunk));
    line.#socket.on('error', () => undefined);
    return line;
  }

  request(bytes) {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#socket.write(bytes);
    });
  }

  async write(bytes) {
    if (!this.#socket.write(bytes)) await new Promise((resolve) => this.#socket.once('drain', resolve));
  }

  /** Sends a point that comes back. Resolves with the milliseconds until it has. */
  echo() {
    const number = ++this.#sent;
    const point = {
      name: 'echo',
      time: String(number),
      group: 'site=echo',
      dimensions: ['site'],
      tags: { site: 'echo' },
    };
    return this.#timed(number, encodeRequest({ point: { ...point, fieldsInt: { number } } }));
  }

  keepalive() {
    const time = ++this.#sent;
    return this.#timed(time, encodeRequest({ keepalive: { time } }));
  }

  end() {
    this.#socket.destroy();
  }

  #timed(key, bytes) {
    const start = performance.now();
    return new Promise((resolve) => {
      this.#waiting.set(key, () => resolve(performance.now() - start));
      this.#socket.write(bytes);
    });
  }

  #take(payload) {
    const message = decodeResponse(payload);
    if (message.kind === 'init') {
      if (!message.success) throw new Error(`init was refused: ${message.error}`);
      this.#answer();
    } else if (message.kind === 'error') throw new Error(message.error);
    else if (message.kind === 'keepalive' || message.name === 'echo') {
      this.#waiting.get(Number(message.time))?.();
      this.#waiting.delete(Number(message.time));
    } else this.forecasts++;
  }
}

/** Median, 99th percentile and maximum. */
function describe(milliseconds) {
  if (milliseconds === undefined) return 'not all answered';
  const sorted = milliseconds.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1);
  return `median ${at(0.5)} ms, 99 % ${at(0.99)} ms, at most ${at(1)} ms (${sorted.length})`;
}

const { values } = parseArgs({
  options: {
    series: { type: 'string', default: '2000' },
    weeks: { type: 'string', default: '12' },
    seconds: { type: 'string', default: '10' },
    root: { type: 'string', default: here },
    isolate: { type: 'boolean', default: false },
  },
});
const { points, keepalives, made } = await measureDelay({
  series: Number(values.series),
  weeks: Number(values.weeks),
  seconds: Number(values.seconds),
  root: values.root,
  options: values.isolate ? ['--isolate'] : [],
});
console.log(`points: ${describe(points)}`);
console.log(`keepalives: ${describe(keepalives)}`);
console.log(`forecast meanwhile: ${made} series`);
