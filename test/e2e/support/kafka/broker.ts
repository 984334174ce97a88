import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin, Producer } from '@platformatic/kafka';
import { freePort } from '../../../support/free-port.js';
import { findExecutable } from '../../../support/find-executable.js';

/** The directory of a Kafka, with its jars in `libs`. */
const home = process.env.KAFKA_HOME;
const java = findExecutable('JAVA', 'java');

/** Why there is no Kafka to test with; `undefined` if there is. */
export const kafkaMissing =
  home === undefined
    ? 'KAFKA_HOME is not set to the directory of a Kafka'
    : !existsSync(join(home, 'libs'))
      ? `there is no ${join(home, 'libs')}`
      : java === undefined
        ? 'there is no java on the PATH'
        : undefined;

/** A title that says what is missing. */
export function kafkaTitle(title: string): string {
  return kafkaMissing === undefined ? title : `${title} (skipped: ${kafkaMissing})`;
}

const startTimeoutMs = 60_000;

/** Max records of a request; those of a topic are sent in order. */
const produceRecords = 5_000;

export interface KafkaBrokerOptions {
  /** More listeners, whose ports are those of the protocols, with settings for them. */
  readonly secured?: {
    readonly ports: Readonly<Partial<Record<'SASL_SSL' | 'SSL', number>>>;
    readonly settings: Readonly<Record<string, string>>;
  };
  /** Users, as `kafka-storage --add-scram` takes them. */
  readonly scram?: readonly string[];
}

/** A single broker in KRaft mode on the loopback. */
export class KafkaBroker {
  readonly address: string;
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(address: string, directory: string, process: ChildProcess) {
    this.address = address;
    this.#directory = directory;
    this.#process = process;
  }

  /** Options of a client of the tests; a broker on a busy machine takes its time. */
  get #client() {
    return { clientId: 'test', bootstrapBrokers: [this.address], connectTimeout: 30_000 };
  }

  static async start({ secured, scram = [] }: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
    const directory = mkdtempSync(join(tmpdir(), 'ku-kafka-'));
    const [port, controllerPort] = [await freePort(), await freePort()];
    const address = `127.0.0.1:${port}`;
    const advertised = [
      `PLAINTEXT://${address}`,
      ...Object.entries(secured?.ports ?? {}).map(([protocol, own]) => `${protocol}://127.0.0.1:${own}`),
    ];
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      listeners: [...advertised, `CONTROLLER://127.0.0.1:${controllerPort}`].join(','),
      'advertised.listeners': advertised.join(','),
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
      'log.dirs': join(directory, 'data'),
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      'offsets.topic.num.partitions': '4',
      'transaction.state.log.num.partitions': '4',
      'group.initial.rebalance.delay.ms': '0',
      'group.min.session.timeout.ms': '500',
      'auto.create.topics.enable': 'false',
      ...secured?.settings,
    };
    const file = join(directory, 'server.properties');
    mkdirSync(join(directory, 'data'));
    writeFileSync(file, Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join('')); // prettier-ignore
    runJava('kafka.tools.StorageTool', [
      ...['format', '-t', 'a2FwYWNpdG9yLXVkZi0wMQ', '-c', file],
      ...scram.flatMap((credential) => ['--add-scram', credential]),
    ]);
    const log = openSync(join(directory, 'log'), 'w');
    const process = spawn(java!, [...jvm('512m'), 'kafka.Kafka', file], { stdio: ['ignore', log, log] }); // tests skip without
    const broker = new KafkaBroker(address, directory, process);
    await broker.#untilListening(port);
    return broker;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Creates topics, as the numbers of their partitions by name. */
  async createTopics(topics: Readonly<Record<string, number>>): Promise<void> {
    const admin = new Admin(this.#client);
    for (const [name, partitions] of Object.entries(topics)) {
      await admin.createTopics({ topics: [name], partitions, replicas: 1 });
    }
    await admin.close();
  }

  /** Writes records, in order. */
  async produce(
    topic: string,
    records: Iterable<{ readonly partition: number; readonly value: string }>,
  ): Promise<void> {
    const producer = new Producer(this.#client);
    let messages: { topic: string; partition: number; value: Buffer }[] = [];
    const send = async (): Promise<void> => {
      if (messages.length > 0) await producer.send({ messages, acks: -1 });
      messages = [];
    };
    for (const { partition, value } of records) {
      messages.push({ topic, partition, value: Buffer.from(value) });
      if (messages.length >= produceRecords) await send();
    }
    await send();
    await producer.close();
  }

  /** The values of a topic's committed records, as Kafka's own consumer reads them, in order within each partition. */
  consume(topic: string, ...options: readonly string[]): readonly string[] {
    const text = runJava('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', this.address, '--topic', topic, '--from-beginning'],
      ...['--isolation-level', 'read_committed', '--timeout-ms', '3000', ...options],
    ]);
    return text.split('\n').slice(0, -1);
  }

  /** Runs one of Kafka's tools. */
  tool(name: string, ...args: readonly string[]): string {
    return runJava(name, ['--bootstrap-server', this.address, ...args]);
  }

  async #untilListening(port: number): Promise<void> {
    const end = performance.now() + startTimeoutMs;
    for (;;) {
      const socket = connect(port, '127.0.0.1');
      const connected = await Promise.race([
        once(socket, 'connect').then(() => true),
        once(socket, 'error').then(() => false),
      ]).catch(() => false);
      socket.destroy();
      if (connected) return;
      if (this.#process.exitCode !== null || performance.now() > end) {
        throw new Error(`Kafka does not start:\n${readFileSync(join(this.#directory, 'log'), 'utf8')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function jvm(heap: string): readonly string[] {
  const libs = join(home!, 'libs'); // tests skip without
  const jars = readdirSync(libs).map((jar) => join(libs, jar));
  return [`-Xmx${heap}`, '-XX:+UseSerialGC', '-cp', jars.join(':')];
}

function runJava(main: string, args: readonly string[]): string {
  return execFileSync(java!, [...jvm('256m'), main, ...args], {
    encoding: 'utf8',
    maxBuffer: 1024 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
