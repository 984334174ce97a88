import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { adslChanges } from '../support/adsl.js';
import { findExecutable } from '../support/find-executable.js';
import { freePort } from '../support/free-port.js';
import { Cli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { adslLines } from './support/adsl.js';
import { KafkaCluster } from './support/kafka/cluster.js';
import { kafkaMissing } from './support/kafka/java.js';
import { until } from './support/until.js';

const telegraf = findExecutable('TELEGRAF', 'telegraf');

/** What keeps the test from running; `undefined` if nothing does. */
function whatIsMissing(): string | undefined {
  if (kafkaMissing !== undefined) return kafkaMissing;
  if (telegraf === undefined) return 'no telegraf on the PATH; set TELEGRAF=/path/to/telegraf';
  const plugins = execFileSync(telegraf, ['plugins', 'inputs'], { encoding: 'utf8' });
  return plugins.includes('kafka_consumer')
    ? undefined
    : `${telegraf} is built without inputs.kafka_consumer`;
}

const missing = whatIsMissing();
const title = 'A UDF on Kafka between two real Telegrafs';

/** Runs Telegraf with a configuration of docker/telegraf until the test is over. */
async function startTelegraf(
  name: string,
  changes: readonly (readonly [given: string, own: string])[],
  ready: string,
): Promise<{ readonly log: () => string; readonly stop: () => Promise<number | null> }> {
  let config = readFileSync(new URL(`../../docker/telegraf/${name}`, import.meta.url), 'utf8');
  for (const [given, own] of changes) {
    expect(config).toContain(given);
    config = config.replace(given, own);
  }
  const file = join(tempDir(), name);
  writeFileSync(file, config);
  const child = spawn(telegraf!, ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await until(`${name}: ${ready}`, () => log.includes(ready), { within: 30_000 });
  return {
    log: () => log,
    stop: async () => {
      child.kill('SIGTERM');
      return (await ended)[0];
    },
  };
}

describe.skipIf(missing !== undefined)(
  missing === undefined ? title : `${title} (skipped: ${missing})`,
  { timeout: 120_000 },
  () => {
    let cluster: KafkaCluster;

    beforeAll(async () => {
      cluster = await KafkaCluster.start();
    }, 120_000);

    afterAll(async () => {
      await cluster.stop();
    });

    test('reduces the records of routers to their changes, with the configurations of docker/telegraf', async () => {
      await cluster.createTopics({ telegraf: 3, changes: 3 });
      const worker = new Cli(
        [
          ...[
            'kafka',
            'edgeDetect',
            '--brokers',
            ...cluster.addresses,
            '--from',
            'telegraf',
            '--to',
            'changes',
          ],
          ...['--consumer-group', 'edges', '--set', 'field=value', '--offset-reset', 'earliest'],
          ...['--commit-interval', '50ms'],
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      const brokers = ['brokers = ["kafka:9092"]', `brokers = ["${cluster.addresses[0]!}"]`] as const;
      const port = await freePort();
      const listener = ['127.0.0.1:8094', `127.0.0.1:${port}`] as const;
      const writer = await startTelegraf('kafka-write.conf', [brokers, listener], 'Listening on tcp://');
      const output = join(tempDir(), 'out.lp');
      const file = ['files = ["stdout"]', `files = ["${output}"]`] as const;
      const reader = await startTelegraf('kafka-read.conf', [brokers, file], 'Loaded outputs: file');

      const hosts = ['router1', 'router2', 'router3', 'router4'];
      const lines = adslLines.flatMap((line) => hosts.map((host) => line.replace('router1', host)));
      const socket = createConnection(port, '127.0.0.1');
      socket.end(`${lines.join('\n')}\n`);
      await once(socket, 'close');

      const linesOf = (host: string): readonly string[] =>
        (existsSync(output) ? readFileSync(output, 'utf8') : '')
          .split('\n')
          .filter((line) => line.includes(`host=${host} `));
      const changesOf = (host: string) =>
        adslChanges.map(([time, value]) => `adsl_connection,host=${host} value="${value}" ${time}`);
      await until('all changes are out', () => hosts.every((host) => linesOf(host).length >= adslChanges.length), { within: 60_000 }); // prettier-ignore
      expect(hosts.map(linesOf)).toEqual(hosts.map(changesOf));
      // Each host has one partition, by its name.
      const records = cluster.consume('telegraf', '--property', 'print.partition=true').join('\n');
      const keys = Array.from(records.matchAll(/^(Partition:\d)\t.*host=(\w+) /gm), ([, partition, host]) => `${host!} ${partition!}`); // prettier-ignore
      expect(new Set(keys).size).toBe(hosts.length);
      expect(await writer.stop()).toBe(0);
      expect(await reader.stop()).toBe(0);
      expect(await worker.stop(), worker.stderr).toMatchObject({ code: 0 });
      expect(writer.log() + reader.log()).not.toMatch(/ E! /);
    });
  },
);
