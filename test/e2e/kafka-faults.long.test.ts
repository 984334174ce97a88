import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from './support/until.js';
import { KafkaCluster } from './support/kafka/cluster.js';
import { kafkaMissing, kafkaTitle } from './support/kafka/java.js';
import { countedInput, expectCounted } from './support/kafka/counted.js';
import { startWorker } from './support/kafka/worker.js';
import type { Cli } from '../support/spawn-cli.js';

/** `KAFKA_FAULTS=long`: the sizes of the issue, with several seeds. */
const isLong = process.env.KAFKA_FAULTS === 'long';
const points = isLong ? 1_000_000 : 50_000;
const kills = isLong ? 20 : 5;
const seeds = (process.env.KAFKA_SEEDS ?? (isLong ? '1,2,3' : '1')).split(',').map(Number);

const partitions = 12;
const groups = 600;
const timeoutMs = isLong ? 1_200_000 : 180_000;

/** A generator of numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe.skipIf(kafkaMissing !== undefined)(kafkaTitle('Workers that are killed, added and removed'), () => {
  let broker: KafkaCluster;

  beforeAll(async () => {
    broker = await KafkaCluster.start();
  }, timeoutMs);

  afterAll(async () => {
    await broker.stop();
  });

  test.each(seeds)(
    'leave the output of an undisturbed run (seed %i)',
    async (seed) => {
      const random = randomOf(seed);
      const [from, to, group] = [`in-${seed}`, `out-${seed}`, `group-${seed}`];
      await broker.createTopics({ [from]: partitions, [to]: partitions });
      // Small states are in each transaction; with padding they are repeated from the last snapshot.
      const args = [
        ...['--from', from, '--to', to, '--consumer-group', group, '--offset-reset', 'earliest'],
        ...['--set', 'padding=400', '--commit-interval', '100ms', '--state-interval', '1s'],
      ];
      const start = (): Cli => startWorker(broker, 'counting', args);
      const workers = [start(), start(), start()];
      await Promise.all(workers.map((worker) => logged(worker, 'the group is assigned')));
      // The input goes on while workers die, so that there is always a transaction under way.
      const feeding = feed(broker, from, random);
      for (let kill = 0; kill < kills; kill++) {
        await pause(500 + random() * 3_000);
        const victim = Math.floor(random() * workers.length);
        workers[victim]!.process.kill('SIGKILL');
        workers[victim] = start();
        if (kill === Math.floor(kills / 3)) workers.push(start());
        if (kill === Math.floor((2 * kills) / 3)) {
          const [removed] = workers.splice(Math.floor(random() * workers.length), 1);
          await logged(removed!, 'joining the consumer group'); // its signal handlers are set
          const { code } = await removed!.stop();
          expect(code, removed!.stderr).toBe(0);
        }
      }
      await feeding;
      await until('all is committed', () => lagOf(broker, group, from) === 0, {
        within: timeoutMs,
        every: 2_000,
      });
      for (const worker of workers) {
        await logged(worker, 'joining the consumer group');
        const { code } = await worker.stop();
        expect(code, worker.stderr).toBe(0);
      }
      expectCounted(broker.consume(to), points, groups);
    },
    timeoutMs,
  );
});

async function feed(broker: KafkaCluster, topic: string, random: () => number): Promise<void> {
  const all = [...countedInput(points, groups, partitions)];
  const parts = 2 * kills;
  const size = Math.ceil(points / parts);
  for (let at = 0; at < points; at += size) {
    await broker.produce(topic, all.slice(at, at + size));
    await pause(random() * 1_000);
  }
}

/** Records that a group has not committed yet, by Kafka's own tool. */
function lagOf(broker: KafkaCluster, group: string, topic: string): number {
  const text = broker.tool(
    'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
    '--describe',
    '--group',
    group,
  );
  const rows = text.split('\n').filter((line) => line.startsWith(group) && line.split(/\s+/)[1] === topic);
  if (rows.length < partitions) return Infinity;
  return rows
    .map((row) => Number(row.split(/\s+/)[5]))
    .reduce((sum, lag) => sum + (Number.isNaN(lag) ? Infinity : lag), 0);
}

/** Waits longer than other tests do: this one keeps the machine busy. */
async function logged(worker: Cli, text: string): Promise<void> {
  await until(`"${text}" is logged`, () => worker.logged(text), { within: 60_000 });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
