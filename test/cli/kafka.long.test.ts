import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/free-port.js';
import { Cli, runCli } from '../support/spawn-cli.js';

const kafkaArgs = (brokers: string, ...args: readonly string[]): string[] => [
  ...['kafka', 'mirror', '--brokers', brokers, '--from', 'in', '--to', 'out', '--consumer-group', 'group'],
  ...args,
];

test('brokers that do not answer are named within two seconds, and in the end with a remedy', async () => {
  const broker = `127.0.0.1:${await freePort()}`;
  const worker = new Cli(kafkaArgs(broker));
  await worker.untilLogged(`the Kafka brokers do not answer; trying again: ${broker}: nothing listens there`);
  expect(worker.log.at(-1)).toMatchObject({ level: 'warn', seconds: 1 });
  expect(await worker.ended).toMatchObject({ code: 1 });
  expect(worker.log.length).toBeLessThanOrEqual(5);
  expect(worker.log.at(-1)).toMatchObject({
    level: 'error',
    code: 'connection',
    msg: `cannot use the Kafka brokers: ${broker}: nothing listens there (ECONNREFUSED); start the brokers, or correct --brokers`,
  });
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends a worker whose brokers do not answer at once',
  async (signal) => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    const port = await freePort();
    await once(silent.listen(port, '127.0.0.1'), 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const http = await freePort();
    const worker = new Cli(kafkaArgs(`127.0.0.1:${port}`, '--http', String(http)));
    await worker.untilLogged(`no answer yet from 127.0.0.1:${port}`);
    const response = await fetch(`http://127.0.0.1:${http}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      ready: false,
      reason: `not a member of the consumer group yet: no answer yet from 127.0.0.1:${port}`,
    });
    const before = worker.log.length;
    const start = performance.now();
    expect(await worker.stop(signal)).toMatchObject({ code: 0 });
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(worker.log.slice(before).map(({ msg }) => msg)).toEqual([
      'stopping',
      'stopped before it had joined the consumer group',
    ]);
  },
);

test('topics that are the same are refused as usage, in one line', async () => {
  const { code, stderr } = await runCli(kafkaArgs('127.0.0.1:1', '--dead-letter-topic', 'out'));
  expect(code).toBe(2);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain('--to and --dead-letter-topic are the same topic, out');
});

test.each([
  ['edgeDetect', ['field=value', 'nosuch=1'], /nosuch/],
  ['edgeDetect', ['hold=1s'], /field/],
  ['outliers', ['field=value'], /outliers wants batches, and Kafka sends single points/],
])('%s with %j is refused before a broker is contacted', async (udf, set, message) => {
  const [command, , ...args] = kafkaArgs('127.0.0.1:1', '--set', ...set);
  const { code, stderr } = await runCli([command!, udf, ...args]);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
