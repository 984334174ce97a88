import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin, Connection, FindCoordinatorKeyTypes, metadataV9, Producer } from '@platformatic/kafka';
import { freePort } from '../../../support/free-port.js';
import { until } from '../until.js';
import { runJava } from './java.js';
import { KafkaNode } from './node.js';

/** Max records of a request; those of a topic are sent in order. */
const produceRecords = 5_000;

export interface KafkaClusterOptions {
  /** One if not given. */
  readonly nodes?: number;
  /** More listeners of a single node, whose ports are those of the protocols, with settings for them. */
  readonly secured?: {
    readonly ports: Readonly<Partial<Record<'SASL_SSL' | 'SSL' | 'SASL_PLAINTEXT', number>>>;
    readonly settings: Readonly<Record<string, string>>;
  };
  /** Users, as `kafka-storage --add-scram` takes them. */
  readonly scram?: readonly string[];
}

/** The brokers that have a partition. */
export interface Replicas {
  readonly all: readonly number[];
  readonly inSync: readonly number[];
}

/** Brokers in KRaft mode on the loopback, each of them also a controller. */
export class KafkaCluster {
  readonly nodes: readonly KafkaNode[];
  readonly #directory: string;

  private constructor(nodes: readonly KafkaNode[], directory: string) {
    this.nodes = nodes;
    this.#directory = directory;
  }

  /** The brokers' addresses, `host:port` each. */
  get addresses(): readonly string[] {
    return this.nodes.map(({ address }) => address);
  }

  /** Options of a client of the tests; a broker on a busy machine takes its time. */
  get #client() {
    return { clientId: 'test', bootstrapBrokers: [...this.addresses], connectTimeout: 30_000 };
  }

  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    const { nodes: count = 1, secured, scram = [] } = options;
    const directory = mkdtempSync(join(tmpdir(), 'ku-kafka-'));
    const ids = Array.from({ length: count }, (_none, index) => index + 1);
    const controllers = new Map<number, number>();
    for (const id of ids) controllers.set(id, await freePort());
    const voters = Array.from(controllers, ([id, port]) => `${id}@127.0.0.1:${port}`).join(',');
    const nodes: KafkaNode[] = [];
    for (const id of ids) {
      const port = await freePort();
      const own = join(directory, String(id));
      mkdirSync(own);
      const advertised = [
        `PLAINTEXT://127.0.0.1:${port}`,
        ...Object.entries(secured?.ports ?? {}).map(([protocol, at]) => `${protocol}://127.0.0.1:${at}`),
      ];
      const settings = {
        ...settingsOf(count),
        'controller.quorum.voters': voters,
        listeners: [...advertised, `CONTROLLER://127.0.0.1:${controllers.get(id)!}`].join(','),
        'advertised.listeners': advertised.join(','),
        ...secured?.settings,
      };
      const heap = count === 1 ? '512m' : '256m';
      nodes.push(new KafkaNode({ id, port, directory: own, settings, scram, heap }));
    }
    await Promise.all(nodes.map((node) => node.format()));
    await Promise.all(nodes.map((node) => node.start()));
    return new KafkaCluster(nodes, directory);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Creates topics, as the numbers of their partitions by name, with the cluster's default of replicas. */
  async createTopics(
    topics: Readonly<Record<string, number>>,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await this.#asAdmin(async (admin) => {
      for (const [name, partitions] of Object.entries(topics)) {
        await admin.createTopics({ topics: [name], partitions, replicas: -1, configs });
      }
    });
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#asAdmin((admin) => admin.deleteTopics({ topics: [name] }));
  }

  /** Deletes the records of a partition before an offset, as retention does. */
  async deleteRecords(name: string, partition: number, offset: bigint): Promise<void> {
    await this.#asAdmin((admin) =>
      admin.deleteRecords({ topics: [{ name, partitions: [{ partition, offset }] }] }),
    );
  }

  /** Adds partitions to a topic of a single broker. */
  async addPartitions(name: string, before: number, count: number): Promise<void> {
    const assignments = Array.from({ length: count - before }, () => ({ brokerIds: [1] }));
    await this.#asAdmin((admin) => admin.createPartitions({ topics: [{ name, count, assignments }] }));
  }

  /** The replicas of a topic's partitions, and those that are in sync, as numbers of brokers. */
  async replicas(topic: string): Promise<readonly Replicas[]> {
    // The client's own call leaves internal topics out.
    const connection = new Connection('test');
    const [node] = this.nodes;
    await connection.connect('127.0.0.1', node!.port);
    try {
      const { topics } = await metadataV9.api.async(connection, [topic], false);
      return topics.flatMap(({ partitions }) =>
        partitions.map(({ replicaNodes, isrNodes }) => ({ all: replicaNodes, inSync: isrNodes })),
      );
    } finally {
      await connection.close();
    }
  }

  /** Waits until all replicas of topics are in sync. */
  async untilInSync(...topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      const isInSync = async (): Promise<boolean> =>
        (await this.replicas(topic)).every(({ all, inSync }) => inSync.length === all.length);
      await until(`${topic} is in sync`, isInSync, { within: 60_000, every: 200 });
    }
  }

  /** The broker that coordinates a consumer group or a transactional id. */
  async coordinator(type: 'group' | 'transaction', key: string): Promise<KafkaNode> {
    const keyType = FindCoordinatorKeyTypes[type === 'group' ? 'GROUP' : 'TRANSACTION'];
    const [found] = await this.#asAdmin((admin) => admin.findCoordinator({ keyType, keys: [key] }));
    return this.nodes.find(({ id }) => id === found?.nodeId)!; // there are no others
  }

  /** Writes records, in order; without a value, a tombstone. */
  async produce(
    topic: string,
    records: Iterable<{ readonly partition: number; readonly value: string | Buffer | undefined }>,
    compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' = 'none',
  ): Promise<void> {
    const producer = new Producer(this.#client);
    let messages: { topic: string; partition: number; key?: Buffer; value?: Buffer }[] = [];
    const send = async (): Promise<void> => {
      if (messages.length > 0) await producer.send({ messages, acks: -1, compression });
      messages = [];
    };
    for (const { partition, value } of records) {
      const written = value === undefined ? { key: Buffer.from('key') } : { value: Buffer.from(value) };
      messages.push({ topic, partition, ...written });
      if (messages.length >= produceRecords) await send();
    }
    await send();
    await producer.close();
  }

  /** The values of a topic's committed records, as Kafka's own consumer reads them, in order within each partition. */
  consume(topic: string, ...options: readonly string[]): readonly string[] {
    const text = runJava('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', this.addresses.join(','), '--topic', topic, '--from-beginning'],
      ...['--isolation-level', 'read_committed', '--timeout-ms', '3000', ...options],
    ]);
    return text.split('\n').slice(0, -1);
  }

  /** Runs one of Kafka's tools. */
  tool(name: string, ...args: readonly string[]): string {
    return runJava(name, ['--bootstrap-server', this.addresses.join(','), ...args]);
  }

  async #asAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = new Admin(this.#client);
    try {
      return await work(admin);
    } finally {
      await admin.close();
    }
  }
}

/** The settings that the nodes of a cluster share. */
function settingsOf(nodes: number): Readonly<Record<string, string>> {
  const [replicas, inSync] = nodes === 1 ? ['1', '1'] : ['3', '2'];
  return {
    'process.roles': 'broker,controller',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '500',
    'auto.create.topics.enable': 'false',
    // A broker that was killed is replaced within seconds.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
  };
}
