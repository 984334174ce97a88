// Measures `kapacitor-udf kafka` with a broker on this machine, which takes a part of its cores:
//   KAFKA_HOME=/path/to/kafka node test/bench/kafka.mjs [throughput|partitions|groups|takeover]…
// Needs a build (`npm run build`). The broker's own processor time is told with each figure.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Admin, Producer } from '@platformatic/kafka';
import { temporaryDirectory, tied } from './clean-up.mjs';
import { freePort } from './free-port.mjs';
import { cpuSeconds } from './load/process-usage.mjs';

const home = process.env.KAFKA_HOME;
if (!home || !existsSync(join(home, 'libs'))) {
  console.error('KAFKA_HOME is not set to the directory of a Kafka; .ci/kafka.sh DIR fetches one');
  process.exit(2);
}
const cli = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const classPath = readdirSync(join(home, 'libs'))
  .map((jar) => join(home, 'libs', jar))
  .join(':');
const directory = temporaryDirectory('kafka-bench-');

const [port, controllerPort] = [await freePort(), await freePort()];
const address = `127.0.0.1:${port}`;

async function startBroker() {
  const file = join(directory, 'server.properties');
  mkdirSync(join(directory, 'data'));
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://${address},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${address}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(directory, 'data'),
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
  };
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const java = (...args) => tied(spawn('java', ['-Xmx1g', '-cp', classPath, ...args], { stdio: 'ignore' }));
  const format = java('kafka.tools.StorageTool', 'format', '-t', 'a2FwYWNpdG9yLXVkZi0wMQ', '-c', file);
  await once(format, 'exit');
  const broker = java('kafka.Kafka', file);
  for (let tries = 0; tries < 100; tries++) {
    const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [address], retries: 0 });
    try {
      await admin.metadata({ topics: [] });
      return broker;
    } catch {
      await sleep(300);
    } finally {
      await admin.close().catch(() => undefined);
    }
  }
  throw new Error('Kafka does not start');
}

let runs = 0;

async function createTopics(partitions) {
  const [from, to] = [`in${++runs}`, `out${runs}`];
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [address] });
  for (const topic of [from, to]) await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
  await admin.close();
  return { from, to, group: `group${runs}` };
}

/** Writes points, `perRecord` in a record, of groups that each have one partition. */
async function feed(topic, { points, groups, partitions, perRecord }) {
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [address] });
  let messages = [];
  const lines = Array.from({ length: partitions }, () => []);
  for (let index = 0; index < points; index++) {
    const group = index % groups;
    const partition = group % partitions;
    const time = 1_500_000_000_000_000_000n + BigInt(index) * 1_000_000n;
    lines[partition].push(
      `adsl_connection,host=router${group},region=eu-west value="${index % 3 ? 'SHOWTIME' : 'TRAINING'}",rx=${index}i ${time}`,
    );
    if (lines[partition].length === perRecord || index >= points - partitions) {
      messages.push({ topic, partition, value: Buffer.from(lines[partition].splice(0).join('\n')) });
    }
    if (messages.length * perRecord >= 5_000 || index === points - 1) {
      await producer.send({ messages, acks: -1 });
      messages = [];
    }
  }
  await producer.close();
}

/**
 * Starts workers, and resolves when all records are committed with how long they took: from the first commit that is seen, so
 * that neither start nor rebalance counts.
 */
async function startWorkers({ from, to, group }, { workers = 1, args = [], records }) {
  const started = [];
  for (let index = 0; index < workers; index++) {
    const http = await freePort();
    const topics = ['--from', from, '--to', to, '--consumer-group', group, '--offset-reset', 'earliest'];
    const child = spawn(
      process.execPath,
      [
        ...[cli, 'kafka', 'edgeDetect', '--set', 'field=value', '--brokers', address],
        ...[...topics, '--http', http, '--log-level', 'error', ...args],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, NODE_NO_WARNINGS: '1' } },
    );
    started.push({ child: tied(child), http });
  }
  const cpu = () => started.map(({ child }) => cpuSeconds(child.pid));
  for (let first; ; await sleep(25)) {
    const metrics = await Promise.all(started.map(({ http }) => metricsAt(http)));
    const values = (name) => metrics.flatMap((text) => valuesOf(name, text));
    const done = sum(values('committed_offset'));
    if (done > 0) first ??= { at: performance.now(), done, cpu: cpu() };
    if (done < records) continue;
    const seconds = (performance.now() - first.at) / 1000;
    return {
      seconds,
      part: (records - first.done) / records,
      cpuSeconds: sum(cpu()) - sum(first.cpu),
      takeoverSeconds: Math.max(...values('takeover_seconds')),
      stateBytes: sum(values('snapshot_bytes')),
      async stop(signal = 'SIGTERM') {
        for (const { child } of started) {
          child.kill(signal);
          if (child.exitCode === null) await once(child, 'exit');
        }
      },
    };
  }
}

/** The text of a worker's metrics; empty if it does not serve yet. */
async function metricsAt(http) {
  try {
    const reply = await fetch(`http://127.0.0.1:${http}/metrics`);
    return await reply.text();
  } catch {
    return '';
  }
}

/** The values of a metric, one for each partition. */
function valuesOf(name, metrics) {
  const lines = metrics.matchAll(new RegExp(`^kapacitor_udf_kafka_${name}\\{.*\\} (.*)$`, 'gm'));
  return [...lines].map(([, value]) => Number(value));
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function format(number) {
  return Math.round(number).toLocaleString('en');
}

async function throughput(broker, name, { workers = 1, args, ...input }) {
  const { points, partitions, perRecord } = input;
  const topics = await createTopics(partitions);
  await feed(topics.from, input);
  const brokerBefore = cpuSeconds(broker.pid);
  const run = await startWorkers(topics, { workers, args, records: points / perRecord });
  const brokerSeconds = ((cpuSeconds(broker.pid) - brokerBefore) / points) * 1e6;
  await run.stop();
  const counted = points * run.part;
  const figures = [
    `${format(counted / run.seconds)} points/s`,
    `${format(counted / run.cpuSeconds)} a second of a worker's core`,
    `broker ${brokerSeconds.toFixed(1)} s of a core for a million points`,
    `state ${format(run.stateBytes / 1024)} KiB`,
  ];
  console.log(`${name}: ${figures.join('; ')}`);
}

const parts = {
  async throughput(broker) {
    for (const perRecord of [1, 100]) {
      for (const workers of [1, 2]) {
        await throughput(broker, `${workers} worker${workers > 1 ? 's' : ''}, ${perRecord} points a record`, {
          points: 2_000_000,
          groups: 1_000,
          partitions: 12,
          perRecord,
          workers,
          args: ['--pack-bytes', perRecord > 1 ? '16KiB' : '0'],
        });
      }
    }
  },

  async partitions(broker) {
    for (const partitions of [1, 12, 48]) {
      const input = { points: 1_000_000, groups: 4_800, partitions, perRecord: 20 };
      await throughput(broker, `${partitions} partitions`, input);
    }
  },

  async groups(broker) {
    for (const groups of [100, 10_000, 100_000]) {
      const input = { points: 1_000_000, groups, partitions: 4, perRecord: 20 };
      await throughput(broker, `${format(groups)} groups`, input);
    }
  },

  async takeover() {
    const input = { points: 500_000, partitions: 1, perRecord: 20 };
    const work = { records: input.points / input.perRecord, args: ['--session-timeout-ms', '6000'] };
    for (const groups of [1_000, 100_000]) {
      for (const signal of ['SIGTERM', 'SIGKILL']) {
        const topics = await createTopics(1);
        await feed(topics.from, { ...input, groups });
        const first = await startWorkers(topics, work);
        await first.stop(signal);
        const start = performance.now();
        const second = await startWorkers(topics, work);
        const seconds = (performance.now() - start) / 1000;
        await second.stop();
        console.log(
          `${format(groups)} groups, after ${signal}: taken over in ${second.takeoverSeconds.toFixed(2)} s, ` +
            `${seconds.toFixed(1)} s from the start of the new process`,
        );
      }
    }
  },
};

const wanted = process.argv.slice(2);
const broker = await startBroker();
for (const [name, measure] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await measure(broker);
}
process.exit(0);
