import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.js';
import type { Cli } from '../support/spawn-cli.js';
import { KafkaCluster } from './support/kafka/cluster.js';
import { kafkaMissing, kafkaTitle } from './support/kafka/java.js';
import { startWorker } from './support/kafka/worker.js';
import { until } from './support/until.js';

const groupCommand = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
let number = 0;

describe.skipIf(kafkaMissing !== undefined)(
  kafkaTitle('An operator of UDFs on Kafka'),
  { timeout: 120_000 },
  () => {
    let broker: KafkaCluster;
    let securedPort = 0;

    beforeAll(async () => {
      securedPort = await freePort();
      broker = await KafkaCluster.start({
        secured: {
          ports: { SASL_PLAINTEXT: securedPort },
          settings: {
            'sasl.enabled.mechanisms': 'PLAIN',
            'listener.name.sasl_plaintext.plain.sasl.jaas.config':
              'org.apache.kafka.common.security.plain.PlainLoginModule required user_udf="secret";',
            'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
            'super.users': 'User:ANONYMOUS',
          },
        },
      });
    }, 90_000);

    afterAll(async () => {
      await broker.stop();
    });

    /** Topics of a test's own, and workers between them. */
    async function setUp(partitions: number) {
      number++;
      const [from, to, group] = [`in${number}`, `out${number}`, `group${number}`] as const;
      await broker.createTopics({ [from]: partitions, [to]: partitions });
      const worker = (udf: string, ...args: readonly string[]): Cli =>
        startWorker(broker, udf, ['--from', from, '--to', to, '--consumer-group', group, '--commit-interval', '50ms', ...args]); // prettier-ignore
      /** Runs a worker until it has taken its partitions over, and stops it. */
      const runOnce = async (udf: string, ...args: readonly string[]): Promise<Cli> => {
        const cli = worker(udf, ...args);
        await takenOver(cli, partitions);
        expect(await cli.stop()).toMatchObject({ code: 0 });
        return cli;
      };
      return { from, to, group, changelog: `${group}-${from}-changelog`, worker, runOnce };
    }

    async function takenOver(cli: Cli, partitions: number): Promise<void> {
      const count = () => cli.log.filter(({ msg }) => msg === 'partition taken over').length;
      await until('the partitions are taken over', () => count() >= partitions, { within: 60_000 });
    }

    function consumed(topic: string, count: number): Promise<readonly string[]> {
      return until(`${count} records in ${topic}`, () => {
        const values = broker.consume(topic);
        return values.length >= count && values;
      }, { within: 60_000 }); // prettier-ignore
    }

    async function errorOf(cli: Cli): Promise<string> {
      expect(await cli.ended).toMatchObject({ code: 1 });
      const errors = cli.log.filter(({ level }) => level === 'error');
      expect(errors).toHaveLength(1);
      return String(errors[0]!.msg);
    }

    test('is told if the workers of a group do not do the same, and waits for those that have ended', async () => {
      const { group, worker, runOnce } = await setUp(2);
      const first = worker('mirror');
      await takenOver(first, 2);
      expect(await errorOf(worker('counting'))).toMatch(
        new RegExp(
          `consumer group ${group} runs "kapacitor-udf mirror \\w+", and this worker is "kapacitor-udf counting \\w+"; ` +
            'all workers of a group must have the same UDF, options, --group-by and topics',
        ),
      );
      // The first one was not disturbed.
      expect(first.log.filter(({ msg }) => msg === 'the group is assigned')).toHaveLength(1);
      await first.stop('SIGKILL');
      await runOnce('mirror', '--group-by', 'host');
      const foreign = worker('counting');
      expect(await errorOf(foreign)).toContain('the changelog has the state of UDF mirror');
    });

    test('loses nothing of an idle partition that is written to while no worker runs', async () => {
      const { from, to, worker, runOnce } = await setUp(2);
      await broker.produce(from, [{ partition: 0, value: 'm v=0i 1' }]);
      await runOnce('mirror', '--offset-reset', 'latest');
      await broker.produce(from, [0, 1].map((partition) => ({ partition, value: `m v=${partition + 1}i 2` }))); // prettier-ignore
      worker('mirror', '--offset-reset', 'latest');
      expect([...(await consumed(to, 2))].sort()).toEqual(['m v=1i 2', 'm v=2i 2']);
    });

    test('may add partitions to the input of --repartition while no worker runs', async () => {
      const { from, to, group, worker } = await setUp(1);
      const args = ['--offset-reset', 'latest', '--repartition', `${from}-keyed`];
      await broker.produce(from, [{ partition: 0, value: 'm v=0i 1' }]);
      const first = worker('mirror', ...args);
      await until('the input is begun', () => /in\d+ +0 +1 /.test(broker.tool(groupCommand, '--describe', '--group', group)), { within: 60_000 }); // prettier-ignore
      await first.stop();
      await broker.addPartitions(from, 1, 3);
      // One by one: the brokers may not know a new partition yet, and a retry writes all of a request again.
      for (const partition of [0, 1, 2]) {
        await broker.produce(from, [{ partition, value: `m v=${partition + 1}i 2` }]);
      }
      worker('mirror', ...args);
      expect([...(await consumed(to, 3))].sort()).toEqual(['m v=1i 2', 'm v=2i 2', 'm v=3i 2']);
    });

    test('is told if the changelog is created anew or not kept, and if offsets have expired', async () => {
      const { from, group, changelog, worker, runOnce } = await setUp(1);
      await broker.produce(from, [{ partition: 0, value: 'm,host=a value=1i 1' }]);
      await runOnce('counting');
      await broker.deleteTopic(changelog);
      expect(await errorOf(worker('counting'))).toContain(
        `topic ${changelog}, partition 0, has lost the state that was committed`,
      );
      // The worker has created it again.
      broker.tool(groupCommand, ...['--group', group, '--topic', from], ...['--reset-offsets', '--to-earliest', '--execute']); // prettier-ignore
      await runOnce('counting');
      broker.tool(groupCommand, '--delete', '--group', group);
      const expired = await runOnce('counting');
      expect(expired.logged('the consumer group has no offset any more')).toBe(true);
      broker.tool('kafka.admin.ConfigCommand', ...['--alter', '--entity-type', 'topics', '--entity-name', changelog], ...['--add-config', 'cleanup.policy=delete']); // prettier-ignore
      expect(await errorOf(worker('counting'))).toContain(
        `topic ${changelog} has cleanup.policy=delete, which deletes the state`,
      );
    });

    test('gets lines without a time with that of their records, and Windows line ends as ours', async () => {
      const { from, to, worker } = await setUp(1);
      await broker.produce(from, [{ partition: 0, value: 'm v=1i 1\r\nm v=2i 2\r\nm v=3i\r\n' }]);
      worker('mirror');
      const [first, second, third] = await consumed(to, 3);
      expect([first, second]).toEqual(['m v=1i 1', 'm v=2i 2']);
      expect(third).toMatch(/^m v=3i \d{13}000000$/);
    });

    test('needs the rights of the documentation, and is told which topic or group lacks one', async () => {
      const { from, to, group, changelog } = await setUp(1);
      const acls = (how: '--add' | '--remove', ...args: readonly string[]): string =>
        broker.tool(
          'org.apache.kafka.tools.AclCommand',
          how,
          '--force',
          '--allow-principal',
          'User:udf',
          ...args,
        );
      const operations = (...names: readonly string[]) => names.flatMap((name) => ['--operation', name]);
      acls('--add', ...operations('Read', 'Describe', 'DescribeConfigs'), '--topic', from);
      acls('--add', ...operations('Write', 'Describe'), '--topic', to);
      acls('--add', ...operations('Read', 'Write', 'Describe', 'DescribeConfigs', 'Create'), '--topic', changelog); // prettier-ignore
      acls('--add', ...operations('Read'), '--group', group);
      acls('--add', ...operations('Write', 'Describe'), '--transactional-id', group, '--resource-pattern-type', 'prefixed'); // prettier-ignore
      const start = (): Cli =>
        startWorker(
          broker,
          'mirror',
          [
            ...['--from', from, '--to', to, '--consumer-group', group, '--commit-interval', '50ms'],
            ...['--brokers', `127.0.0.1:${securedPort}`, '--sasl', 'PLAIN'],
          ],
          { env: { ...process.env, KAFKA_USERNAME: 'udf', KAFKA_PASSWORD: 'secret' } },
        );
      const allowed = start();
      await broker.produce(from, [{ partition: 0, value: 'm v=1i 1' }]);
      expect(await consumed(to, 1)).toEqual(['m v=1i 1']);
      expect(await allowed.stop()).toMatchObject({ code: 0 });
      acls('--remove', ...operations('Write'), '--topic', to);
      await broker.produce(from, [{ partition: 0, value: 'm v=2i 2' }]);
      expect(await errorOf(start())).toMatch(
        new RegExp(`^Kafka refuses: write to ${to}, .*TOPIC_AUTHORIZATION_FAILED.*docs/kafka.md`),
      );
    });
  },
);
