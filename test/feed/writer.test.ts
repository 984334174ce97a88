import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createWriter } from '../../src/feed/writer.js';
import { influxTarget } from '../../src/influx/target.js';
import { kairosTarget } from '../../src/kairos/target.js';

/** A server that accepts connections and never answers. */
async function silentServer() {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test.each([
  ['an InfluxDB', (address: string) => influxTarget(`${address}?db=d`, {})],
  ['a KairosDB', (address: string) => kairosTarget(`kairosdb+${address}`, {})],
])('a request to %s that does not answer ends soon after the stop', async (_what, target) => {
  const { server, address } = await silentServer();
  const stop = new AbortController();
  const writer = createWriter(target(address), stop.signal, 20);
  const connected = once(server, 'connection');
  const written = writer.write(['m,h=a v=1 0']);
  await connected;
  stop.abort();
  await expect(written).rejects.toMatchObject({ name: 'WriteError', temporary: true });
});

test('a request that is answered between the stop and the end of the wait arrives', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => {
      stop.abort();
      socket.end('HTTP/1.1 204 No Content\r\n\r\n');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const stop = new AbortController();
  const target = influxTarget(`http://127.0.0.1:${(server.address() as AddressInfo).port}?db=d`, {});
  expect(await createWriter(target, stop.signal).write(['m v=1 0'])).toEqual([]);
});
