import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import lookup from '../../examples/lookup.js';
import { expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';

/** A service that knows the owners of hosts, except `gone`, and never answers for `slow`. Returns its URL and its calls. */
async function service(): Promise<{ readonly url: string; readonly calls: string[] }> {
  const calls: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    calls.push(url);
    if (url === '/slow') return;
    response.statusCode = url === '/gone' ? 404 : 200;
    response.end(`owner of ${url.slice(1)}`);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, calls };
}

test('lookup: asks once for each tag, and passes what cannot be looked up', async () => {
  const { url, calls } = await service();
  const run = await runUdf(lookup, { options: { url, timeLimit: '20s' }, groupBy: ['host'] });
  const { points } = await run.send(`
    cpu,host=a usage=1 1
    cpu,host=a usage=2 2
    cpu,host=b\\ c usage=3 3
    cpu,host=gone usage=4 4
    cpu usage=5 5
  `);
  expectPoints(
    points,
    `
      cpu,host=a usage=1,owner="owner of a" 1
      cpu,host=a usage=2,owner="owner of a" 2
      cpu,host=b\\ c usage=3,owner="owner of b%20c" 3
      cpu,host=gone usage=4 4
      cpu usage=5 5
    `,
  );
  expect(calls).toEqual(['/a', '/b%20c', '/gone']);
});

test('lookup: passes a point unchanged when the answer takes too long', async () => {
  const { url } = await service();
  const run = await runUdf(lookup, { options: { url, timeLimit: '50ms' } });
  const { points } = await run.send('cpu,host=slow usage=1 1');
  expectPoints(points, 'cpu,host=slow usage=1 1');
});

test('lookup: asks again once an answer is too old', async () => {
  const { url, calls } = await service();
  const run = await runUdf(lookup, { options: { url, keepFor: '-1ms' } });
  await run.send('cpu,host=a usage=1');
  await run.send('cpu,host=a usage=2');
  expect(calls).toEqual(['/a', '/a']);
});
