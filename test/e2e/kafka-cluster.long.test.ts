import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.js';
import type { Cli } from '../support/spawn-cli.js';
import { KafkaCluster } from './support/kafka/cluster.js';
import { countedInput, expectCounted } from './support/kafka/counted.js';
import { kafkaMissing, kafkaTitle } from './support/kafka/java.js';
import type { KafkaNode } from './support/kafka/node.js';
import { startWorker } from './support/kafka/worker.js';
import { until } from './support/until.js';

const partitions = 6;
const groups = 60;
const timeoutMs = 180_000;
/** For what a cluster does after a fault, on a busy machine. */
const patient = { within: 60_000, every: 200 };

/** A worker with its metrics. */
interface Watched {
  readonly cli: Cli;
  readonly url: string;
}

describe.skipIf(kafkaMissing !== undefined)(
  kafkaTitle('A UDF on three Kafka brokers'),
  { timeout: timeoutMs },
  () => {
    let cluster: KafkaCluster;

    beforeAll(async () => {
      cluster = await KafkaCluster.start({ nodes: 3 });
    }, timeoutMs);

    afterAll(async () => {
      await cluster.stop();
    });

    /** Topics with input, and workers that take a few milliseconds for a point, so that faults come in mid-run. */
    async function setUp(name: string, points: number, pauseMs: number) {
      const [from, to, group] = [`${name}-in`, `${name}-out`, `${name}-group`];
      await cluster.createTopics({ [from]: partitions, [to]: partitions });
      await cluster.produce(from, countedInput(points, groups, partitions));
      const args = [
        ...['--from', from, '--to', to, '--consumer-group', group, '--dead-letter-topic', `${name}-dropped`],
        ...[
          '--set',
          'padding=400',
          `pause=${pauseMs}`,
          '--commit-interval',
          '200ms',
          '--state-interval',
          '1s',
        ],
        ...['--session-timeout-ms', '6000'],
      ];
      const start = async (...more: readonly string[]): Promise<Watched> => {
        const port = await freePort();
        const cli = startWorker(cluster, 'counting', [...args, '--http', String(port), ...more]);
        return { cli, url: `http://127.0.0.1:${port}/metrics` };
      };
      return { from, to, group, dropped: `${name}-dropped`, changelog: `${group}-${from}-changelog`, start };
    }

    test('goes through the loss of the coordinators of its group and of its transactions', async () => {
      const points = 20_000;
      const { from, to, group, dropped, changelog, start } = await setUp('loss', points, 5);
      const workers = [await start(), await start()];
      await untilMoved(workers, 2_000);
      for (const topic of [changelog, dropped]) {
        expect(await replicasOf(cluster, topic), topic).toEqual([3]);
      }

      const kill = async (node: KafkaNode): Promise<void> => {
        const before = await processed(workers);
        await node.kill();
        await untilMoved(workers, before + 1_500);
        await node.start();
        await cluster.untilInSync(from, to, changelog, '__consumer_offsets', '__transaction_state');
      };
      await kill(await cluster.coordinator('group', group));
      await kill(await cluster.coordinator('transaction', `${group}-${from}-0`));
      expect(await processed(workers), 'the faults came in mid-run').toBeLessThan(points);

      await untilMoved(workers, points);
      for (const { cli } of workers) expect(await cli.stop(), cli.stderr).toMatchObject({ code: 0 });
      expectCounted(cluster.consume(to), points, groups);
    });

    test('leaves the rest to the next worker if all brokers vanish and SIGTERM comes', async () => {
      const points = 4_000;
      const { to, start } = await setUp('gone', points, 5);
      const worker = await start('--drain-ms', '1500');
      await untilMoved([worker], 500);
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      const signalled = performance.now();
      expect(await worker.cli.stop(), worker.cli.stderr).toMatchObject({ code: 1 });
      expect(performance.now() - signalled).toBeLessThan(4_000);
      const errors = worker.cli.log.filter(({ level }) => level === 'error');
      expect(errors).toEqual([
        expect.objectContaining({
          code: 'connection',
          msg: expect.stringMatching(
            /^not finished within 1500 ms: the Kafka brokers do not answer: .*; what is not committed is left to the next worker$/,
          ) as string,
        }),
      ]);
      await Promise.all(cluster.nodes.map((node) => node.start()));
      const next = await start();
      await untilMoved([next], points);
      expect(await next.cli.stop(), next.cli.stderr).toMatchObject({ code: 0 });
      expectCounted(cluster.consume(to), points, groups);
    });
  },
);

/** Points that are committed, as far as a worker has their partition: each has an offset of its own. */
async function processed(workers: readonly Watched[]): Promise<number> {
  const texts = await Promise.all(workers.map(async ({ url }) => (await fetch(url)).text()));
  return texts
    .flatMap((text) => [...text.matchAll(/^kapacitor_udf_kafka_committed_offset\{.*\} (\d+)$/gm)])
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

async function untilMoved(workers: readonly Watched[], points: number): Promise<void> {
  await until(`${points} points are processed`, async () => (await processed(workers)) >= points, patient);
}

/** The numbers of replicas that a topic's partitions have, each number once. */
async function replicasOf(cluster: KafkaCluster, topic: string): Promise<readonly number[]> {
  return [...new Set((await cluster.replicas(topic)).map(({ all }) => all.length))];
}
