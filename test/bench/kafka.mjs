// Measures `kapacitor-udf kafka` with a broker on this machine, which takes a part of its cores:
//   KAFKA_HOME=/path/to/kafka node test/bench/kafka.mjs [throughput|partitions|groups|takeover]…
// Needs a build (`npm run build`). The broker's own processor time is told with each figure.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Admin, Producer } from '@platformatic/kafka';
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
const directory = mkdtempSync(join(tmpdir(), 'ku-bench-'));
const children = [];
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(1));
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

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
  const java = (...args) => spawn('java', ['-Xmx1g', '-cp', classPath, ...args], { stdio: 'ignore' });
  const format = java('kafka.tools.StorageTool', 'format', '-t', 'a2FwYWNpdG9yLXVkZi0wMQ', '-c', file);
  await new Promise((resolve) => format.once('exit', resolve));
  const broker = java('kafka.Kafka', file);
  children.push(broker);
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

/** Starts workers and resolves, when all records are committed, with how long it took from the first of them. */
async function process_(
  { from, to, group },
  { workers = 1, udf = 'edgeDetect', set = ['field=value'], args = [], records },
) {
  const ports = [];
  const started = [];
  for (let index = 0; index < workers; index++) {
    const http = await freePort();
    const options = [
      '--from',
      from,
      '--to',
      to,
      '--consumer-group',
      group,
      '--offset-reset',
      'earliest',
      '--http',
      http,
    ];
    const sets = set.length === 0 ? [] : ['--set', ...set];
    const child = spawn(
      process.execPath,
      [cli, 'kafka', udf, '--brokers', address, ...options, ...sets, ...args],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, NODE_NO_WARNINGS: '1' },
      },
    );
    children.push(child);
    started.push(child);
    ports.push(http);
  }
  let first;
  for (;;) {
    const texts = await Promise.all(
      ports.map((http) =>
        fetch(`http://127.0.0.1:${http}/metrics`).then(
          (reply) => reply.text(),
          () => '',
        ),
      ),
    );
    const sum = (name) =>
      texts.flatMap((text) => [...text.matchAll(new RegExp(`^kapacitor_udf_kafka_${name}\\{.*\\} (.*)$`, 'gm'))]).reduce((total, [, value]) => total + Number(value), 0); // prettier-ignore
    const done = sum('committed_offset');
    if (done > 0 && first === undefined)
      first = { at: performance.now(), done, cpu: started.map(({ pid }) => cpuSeconds(pid)) };
    if (done >= records) {
      const seconds = (performance.now() - first.at) / 1000;
      const cpu = started.map(({ pid }, index) => cpuSeconds(pid) - first.cpu[index]);
      const max = (name) => Math.max(...texts.flatMap((text) => [...text.matchAll(new RegExp(`^kapacitor_udf_kafka_${name}\\{.*\\} (.*)$`, 'gm'))].map(([, value]) => Number(value)))); // prettier-ignore
      const result = {
        seconds,
        part: (records - first.done) / records,
        cpu,
        takeover: max('takeover_seconds'),
        bytes: sum('snapshot_bytes'),
      };
      return { ...result, stop: async (signal = 'SIGTERM') => {
        for (const child of started) {
          child.kill(signal);
          if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
        }
      } }; // prettier-ignore
    }
    await sleep(25);
  }
}

const quiet = ['--log-level', 'error'];
const format = (number) => Math.round(number).toLocaleString('en');

async function throughput(broker, options, workers, name, more = {}) {
  const topics = await createTopics(options.partitions);
  await feed(topics.from, options);
  const before = cpuSeconds(broker.pid);
  const run = await process_(topics, {
    workers,
    records: options.points / options.perRecord,
    args: [...quiet, ...(more.args ?? [])],
    ...more.run,
  });
  const brokerCpu = cpuSeconds(broker.pid) - before;
  await run.stop();
  const points = options.points * run.part;
  const perCore = points / run.cpu.reduce((sum, value) => sum + value, 0);
  console.log(`${name}: ${format(points / run.seconds)} points/s; ${format(perCore)} a second of a worker's core; broker ${((brokerCpu / options.points) * 1e6).toFixed(1)} s of a core for a million points; state ${format(run.bytes / 1024)} KiB`); // prettier-ignore
}

const parts = {
  async throughput(broker) {
    const base = { points: 2_000_000, groups: 1_000, partitions: 12 };
    for (const perRecord of [1, 100]) {
      for (const workers of [1, 2]) {
        const name = `${workers} worker${workers > 1 ? 's' : ''}, ${perRecord} points a record`;
        await throughput(broker, { ...base, perRecord }, workers, name, {
          args: ['--pack-bytes', perRecord > 1 ? '16KiB' : '0'],
        });
      }
    }
  },
  async partitions(broker) {
    for (const partitions of [1, 12, 48]) {
      await throughput(broker, { points: 1_000_000, groups: 4_800, partitions, perRecord: 20 }, 1, `${partitions} partitions`); // prettier-ignore
    }
  },
  async groups(broker) {
    for (const groups of [100, 10_000, 100_000]) {
      await throughput(
        broker,
        { points: 1_000_000, groups, partitions: 4, perRecord: 20 },
        1,
        `${format(groups)} groups`,
      );
    }
  },
  async takeover() {
    for (const groups of [1_000, 100_000]) {
      for (const signal of ['SIGTERM', 'SIGKILL']) {
        const points = 500_000;
        const topics = await createTopics(1);
        await feed(topics.from, { points, groups, partitions: 1, perRecord: 20 });
        const args = [...quiet, '--session-timeout-ms', '6000'];
        const first = await process_(topics, { records: points / 20, args });
        await first.stop(signal);
        const start = performance.now();
        const second = await process_(topics, { records: points / 20, args });
        const all = (performance.now() - start) / 1000;
        await second.stop();
        console.log(`${format(groups)} groups, after ${signal}: taken over in ${second.takeover.toFixed(2)} s, ${all.toFixed(1)} s from the start of the new process`); // prettier-ignore
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
