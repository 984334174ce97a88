import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.js';
import { type Cli, runCli } from '../support/spawn-cli.js';
import { KafkaCluster } from './support/kafka/cluster.js';
import { kafkaMissing, kafkaTitle } from './support/kafka/java.js';
import { countedInput, expectCounted } from './support/kafka/counted.js';
import { startWorker } from './support/kafka/worker.js';
import { until } from './support/until.js';

let number = 0;

describe.skipIf(kafkaMissing !== undefined)(kafkaTitle('A UDF on Kafka'), { timeout: 90_000 }, () => {
  let broker: KafkaCluster;

  beforeAll(async () => {
    broker = await KafkaCluster.start();
  }, 90_000);

  afterAll(async () => {
    await broker.stop();
  });

  /** Topics of a test's own, and a worker between them. */
  async function setUp(partitions: number) {
    const [from, to, dropped, group] = ['in', 'out', 'dropped', 'group'].map(
      (name) => `${name}${++number}`,
    ) as [...[string, string, string, string]];
    await broker.createTopics({ [from]: partitions, [to]: partitions, [dropped]: 1 });
    const worker = (udf: string, ...args: readonly string[]) =>
      startWorker(broker, udf, [
        ...['--from', from, '--to', to, '--consumer-group', group, '--dead-letter-topic', dropped],
        ...['--commit-interval', '50ms', ...args],
      ]);
    /** Waits until a topic has so many committed records, and returns their values. */
    const consumed = (topic: string, count: number): Promise<readonly string[]> =>
      until(`${count} records in ${topic}`, () => {
        const values = broker.consume(topic);
        return values.length >= count && values;
      }, { within: 60_000 }); // prettier-ignore
    return { from, to, dropped, group, worker, consumed };
  }

  test('continues with its state after SIGTERM, where it was', async () => {
    const { from, to, worker, consumed } = await setUp(2);
    const input = [...countedInput(2_000, 10, 2)];
    await broker.produce(from, input.slice(0, 1_000));
    const first = worker('counting');
    await consumed(to, 1_000);
    expect(await first.stop()).toMatchObject({ code: 0 });
    expect(first.logged('left the consumer group')).toBe(true);
    await broker.produce(from, input.slice(1_000));
    const second = worker('counting');
    expectCounted(await consumed(to, 2_000), 2_000, 10);
    expect(await second.stop()).toMatchObject({ code: 0 });
  });

  test('repeats what is not in the snapshot, without its output, after kill -9', async () => {
    const { from, to, worker, consumed } = await setUp(1);
    const input = [...countedInput(3_000, 50, 1)];
    // No snapshot but the first: the states are too large for one in each transaction, and the interval is long.
    const args = ['--set', 'padding=1000', '--state-interval', '1h'];
    const first = worker('counting', ...args);
    await broker.produce(from, input.slice(0, 1_000));
    await consumed(to, 1_000);
    await broker.produce(from, input.slice(1_000, 2_000));
    await consumed(to, 2_000);
    await first.stop('SIGKILL');
    const second = worker('counting', ...args);
    await until('it is taken over', () => second.logged('partition taken over'), { within: 60_000 });
    const { repeated } = second.log.find(({ msg }) => msg === 'partition taken over')!;
    expect(repeated).toBeGreaterThan(0);
    await broker.produce(from, input.slice(2_000));
    expectCounted(await consumed(to, 3_000), 3_000, 50);
  });

  test('writes lines and points that are dropped to the dead-letter topic, with the reason', async () => {
    const { from, to, dropped, worker, consumed } = await setUp(1);
    worker('failing', '--on-error', 'drop');
    const values = ['m good=1i 1', 'no line', 'm bad=1i 2', 'm good=2i 3\nm good=3i 4'];
    await broker.produce(from, values.map((value) => ({ partition: 0, value }))); // prettier-ignore
    expect(await consumed(to, 3)).toEqual(['m good=1i 1', 'm good=2i 3', 'm good=3i 4']);
    const letters = broker.consume(dropped, '--property', 'print.headers=true');
    expect(letters).toHaveLength(2);
    expect(letters[0]).toMatch(/^error:.*,origin:group\d+, partition 0\tno line$/);
    expect(letters[1]).toMatch(/this one is bad.*\tm bad=1i 2$/);
  });

  test('ends at the first failing point under the policy stop, and commits nothing of it', async () => {
    const { from, to, worker } = await setUp(1);
    await broker.produce(from, ['m good=1i 1', 'm bad=1i 2'].map((value) => ({ partition: 0, value }))); // prettier-ignore
    const failed = worker('failing', '--commit-interval', '1s');
    expect(await failed.ended).toMatchObject({ code: 1 });
    expect(failed.logged('this one is bad')).toBe(true);
    expect(broker.consume(to)).toEqual([]);
  });

  test('brings the points of a group together by --repartition', async () => {
    const { from, to, worker, consumed } = await setUp(3);
    const spread = [...countedInput(600, 12, 1)].map(({ value }, index) => ({ partition: index % 3, value }));
    // One after the other, so that there is an order to keep.
    worker('counting', '--repartition', `${from}-by-group`);
    for (let at = 0; at < spread.length; at += 12) await broker.produce(from, spread.slice(at, at + 12));
    const lines = await consumed(to, 600);
    const counts = new Map<string, number>();
    for (const line of lines) {
      const group = line.slice(0, line.indexOf(' '));
      counts.set(group, (counts.get(group) ?? 0) + 1);
      expect(line).toContain(`count=${counts.get(group)!}i`);
    }
    expect(counts.size).toBe(12);
  });

  test('fires timers of the wall clock while no records come', async () => {
    const { from, to, worker, consumed } = await setUp(1);
    worker('silent');
    await broker.produce(from, ['m,h=a v=1i 1', 'm,h=a v=1i 2', 'm,h=b v=1i 3'].map((value) => ({ partition: 0, value }))); // prettier-ignore
    const lines = await consumed(to, 2);
    expect(lines.map((line) => line.replace(/ \d+$/, '')).sort()).toEqual([
      'm,h=a silent=2i',
      'm,h=b silent=1i',
    ]);
  });

  test('begins its state afresh where an operator has set the offsets', async () => {
    const { from, to, group, worker, consumed } = await setUp(1);
    await broker.produce(from, countedInput(20, 1, 1));
    const first = worker('counting');
    await consumed(to, 20);
    await first.stop();
    broker.tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', ...['--group', group, '--topic', from], ...['--reset-offsets', '--to-earliest', '--execute']); // prettier-ignore
    const second = worker('counting');
    const lines = await consumed(to, 40);
    expect(lines.slice(20)).toEqual(lines.slice(0, 20));
    await second.untilLogged('the offset was set by hand');
  });

  test('reads records in each compression, tombstones, empty ones and bytes that are no text', async () => {
    const { from, to, dropped, worker, consumed } = await setUp(1);
    const record = (value: string | Buffer | undefined) => ({ partition: 0, value });
    for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const) {
      await broker.produce(
        from,
        [`m,c=${compression} v=1i 1`, `m,c=${compression} v=2i 2`].map(record),
        compression,
      );
    }
    const noText = Buffer.concat([Buffer.from('m v="'), Buffer.from([0xff, 0xfe]), Buffer.from('" 1')]);
    const large = `m large="${'x'.repeat(900_000)}" 3`;
    await broker.produce(from, [undefined, '', noText, 'm v=3i 3', large].map(record));
    worker('mirror', '--on-error', 'drop');
    const lines = await consumed(to, 10);
    expect(lines.slice(0, 9).map((line) => line.replace(/ \d$/, ''))).toEqual([
      ...['none', 'gzip', 'snappy', 'lz4'].flatMap((name) => [`m,c=${name} v=1i`, `m,c=${name} v=2i`]),
      'm v=3i',
    ]);
    expect(lines[9]).toBe(large);
    const [letter, ...others] = broker.consume(dropped, '--property', 'print.headers=true');
    expect(others).toEqual([]);
    expect(letter).toMatch(/^error:it has bytes that are not UTF-8,origin:/);
  });

  test('ends with one line if a topic is deleted or its input gets partitions; --repartition reads these', async () => {
    const [deleted, grown, divided] = [await setUp(2), await setUp(2), await setUp(2)];
    const workers = [deleted, grown, divided].map(({ worker, from }, index) =>
      worker('mirror', ...(index === 2 ? ['--repartition', `${from}-by-group`] : [])),
    ) as [Cli, Cli, Cli];
    for (const worker of workers) await until('it is taken over', () => worker.logged('partition taken over'), { within: 60_000 }); // prettier-ignore
    await broker.deleteTopic(deleted.to);
    await broker.addPartitions(grown.from, 2, 4);
    await broker.addPartitions(divided.from, 2, 4);
    await broker.produce(divided.from, [{ partition: 3, value: 'm v=1i 1' }]);
    const errorsOf = async (worker: Cli) => {
      expect(await worker.ended).toMatchObject({ code: 1 });
      return worker.log.flatMap(({ level, msg }) => (level === 'error' ? [msg] : []));
    };
    expect(await errorsOf(workers[0])).toEqual([
      expect.stringContaining(`topic ${deleted.to} was deleted while the worker ran`),
    ]);
    expect(await errorsOf(workers[1])).toEqual([
      expect.stringContaining(`topic ${grown.from} had 2 partitions and has 4 now`),
    ]);
    expect(await divided.consumed(divided.to, 1)).toEqual(['m v=1i 1']);
  });

  test('says what to do if its input was deleted by retention, and continues once the offsets are set', async () => {
    const { from, to, group, worker, consumed } = await setUp(1);
    await broker.produce(from, countedInput(10, 1, 1));
    const first = worker('counting');
    await consumed(to, 10);
    await first.stop();
    await broker.produce(from, countedInput(20, 1, 1));
    await broker.deleteRecords(from, 0, 15n);
    const second = worker('counting');
    expect(await second.ended).toMatchObject({ code: 1 });
    expect(second.logged(`records of ${from}, partition 0, were deleted before they were processed`)).toBe(
      true,
    );
    broker.tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', ...['--group', group, '--topic', from], ...['--reset-offsets', '--to-earliest', '--execute']); // prettier-ignore
    worker('counting');
    expect(await consumed(to, 25)).toHaveLength(25);
  });

  test('serves health and metrics with the lag of each partition', async () => {
    const { from, to, worker, consumed } = await setUp(2);
    const port = await freePort();
    await broker.produce(from, countedInput(10, 2, 2));
    worker('counting', '--http', String(port));
    await consumed(to, 10);
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    expect((await get('/readyz')).status).toBe(200);
    const text = await (await get('/metrics')).text();
    expect(text).toContain(`kapacitor_udf_kafka_lag_records{topic="${from}",partition="1"} 0\n`);
    expect(text).toContain(`kapacitor_udf_kafka_committed_offset{topic="${from}",partition="0"} 5\n`);
  });

  test('names what is wrong with topics, brokers and credentials in one line', async () => {
    const { from, to, group } = await setUp(2);
    const run = (brokers: string, topic: string, ...args: readonly string[]) =>
      runCli([
        'kafka',
        'mirror',
        '--brokers',
        brokers,
        '--from',
        topic,
        '--to',
        to,
        '--consumer-group',
        group,
        ...args,
      ]);
    const missing = await run(broker.addresses[0]!, 'nothing');
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toContain('there is no topic nothing; create it first');
    const sasl = await run(broker.addresses[0]!, from, '--sasl', 'PLAIN');
    expect(sasl).toMatchObject({ code: 2 });
    expect(sasl.stderr).toContain('--sasl PLAIN needs KAFKA_USERNAME and KAFKA_PASSWORD');
    const wrong = await run('nowhere', from);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain('is not a broker');
  });
});
