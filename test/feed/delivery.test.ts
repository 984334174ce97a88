import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Delivery } from '../../src/feed/delivery.js';
import type { Line } from '../../src/feed/lines.js';
import { Spool } from '../../src/feed/spool.js';
import type { LineWriter } from '../../src/feed/writer.js';
import type { OutageReportOptions } from '../../src/http/outage.js';
import { WriteError } from '../../src/http/write-error.js';
import type { RefusedLine } from '../../src/kairos/writer.js';
import { tempDir } from '../support/temp-dir.js';

const lines = (first: number, last: number): Line[] =>
  Array.from({ length: last - first + 1 }, (_, index) => ({
    text: `m v=${first + index} ${first + index}`,
    time: BigInt(first + index),
    from: `data.lp, line ${first + index}`,
  }));

/** A server that can be away, or refuse what has one of these values. */
class Server {
  away = false;
  stored = new Set<string>();
  requests = 0;
  readonly bad = new Set<string>();
  onRequest: () => void = () => undefined;

  write = (texts: readonly string[]): Promise<readonly RefusedLine[]> => {
    this.requests++;
    this.onRequest();
    if (this.away) return Promise.reject(new WriteError('connect ECONNREFUSED', true, 0, undefined));
    if (texts.some((text) => this.bad.has(text))) {
      return Promise.reject(new WriteError('HTTP 400: field type conflict', false, 0, 400));
    }
    for (const text of texts) this.stored.add(text);
    return Promise.resolve([]);
  };
}

function deliveryTo(server: LineWriter, spool?: Spool, outageReports?: OutageReportOptions) {
  const refused: string[] = [];
  const outages: (string | undefined)[] = [];
  const stop = new AbortController();
  const delivery = new Delivery({
    writer: server,
    spool,
    signal: stop.signal,
    firstWaitMs: 1,
    onRefused: ({ from }, reason) => refused.push(`${from}: ${reason}`),
    onOutage: (outage) => outages.push(outage?.reason),
    outageReports,
  });
  return { delivery, refused, outages, stop };
}

test('what the server refuses is told line by line, and all others arrive', async () => {
  const server = new Server();
  server.bad.add('m v=3 3').add('m v=8 8');
  const { delivery, refused } = deliveryTo(server);
  await delivery.send(lines(1, 10));
  expect(refused).toEqual([
    'data.lp, line 3: HTTP 400: field type conflict',
    'data.lp, line 8: HTTP 400: field type conflict',
  ]);
  expect(delivery).toMatchObject({ arrived: 8, refused: 2, unsent: 0 });
  expect(server.stored.size).toBe(8);
});

test('without a spool it waits for a server that is away, and says when it went and came back', async () => {
  const server = new Server();
  server.away = true;
  server.onRequest = () => {
    if (server.requests === 5) server.away = false;
  };
  const { delivery, outages } = deliveryTo(server);
  await delivery.send(lines(1, 3));
  expect(server.stored.size).toBe(3);
  expect(outages).toEqual(['connect ECONNREFUSED', undefined]);
});

test('an outage that lasts is reported again, with the latest reason', async () => {
  const server = new Server();
  server.away = true;
  server.onRequest = () => {
    if (server.requests === 5) server.away = false;
  };
  let ms = 0;
  const now = (): number => (ms += 10); // from one try to the next
  const { delivery, outages } = deliveryTo(server, undefined, { now, firstIntervalMs: 10 });
  await delivery.send(lines(1, 3));
  // The tries at 0, 10 and 30 ms; that at 20 ms is too early.
  expect(outages).toEqual([...Array<string>(3).fill('connect ECONNREFUSED'), undefined]);
});

test('with a spool it goes on taking lines while the server is away, and sends them in order later', async () => {
  const server = new Server();
  const directory = tempDir();
  const { delivery } = deliveryTo(server, await Spool.open(directory));
  server.away = true;
  for (let first = 1; first <= 50; first += 10) await delivery.send(lines(first, first + 9));
  expect(server.stored.size).toBe(0);
  server.away = false;
  await delivery.finish();
  expect([...server.stored]).toEqual(lines(1, 50).map(({ text }) => text));
  expect(delivery.arrived).toBe(50);
  expect(readdirSync(directory)).toEqual([]);
});

test('another feeder goes on with what one left in the spool', async () => {
  const server = new Server();
  const directory = tempDir();
  server.away = true;
  const first = deliveryTo(server, await Spool.open(directory));
  await first.delivery.send(lines(1, 4));
  first.stop.abort();
  await first.delivery.finish();
  expect(first.delivery).toMatchObject({ arrived: 0, unsent: 0 });

  server.away = false;
  const second = deliveryTo(server, await Spool.open(directory));
  await second.delivery.send(lines(5, 6));
  await second.delivery.finish();
  expect([...server.stored]).toEqual(lines(1, 6).map(({ text }) => text));
});

test('stopped while the server is away and without a spool, it tells how much was not sent', async () => {
  const server = new Server();
  server.away = true;
  const { delivery, stop } = deliveryTo(server);
  server.onRequest = () => {
    if (server.requests === 2) stop.abort();
  };
  await delivery.send(lines(1, 7));
  expect(delivery).toMatchObject({ arrived: 0, unsent: 7 });
});

test('a server that takes nothing at all ends the feed with what it says', async () => {
  const server = new Server();
  server.write = () => Promise.reject(new WriteError('HTTP 401: unauthorized access', false, 0, 401));
  const { delivery } = deliveryTo(server);
  await expect(delivery.send(lines(1, 2))).rejects.toMatchObject({
    code: 'refused',
    message: 'the server refuses all writes: HTTP 401: unauthorized access',
  });
});

test('what it had in hand when the server took nothing any more is in the spool, once, and arrives later', async () => {
  const server = new Server();
  const directory = tempDir();
  const refusing = (texts: readonly string[]): Promise<readonly RefusedLine[]> =>
    Promise.reject(
      texts.length > 2
        ? new WriteError('HTTP 413: too large', false, 0, 413)
        : new WriteError('HTTP 401: unauthorized access', false, 0, 401),
    );
  const first = deliveryTo({ write: refusing }, await Spool.open(directory));
  await expect(first.delivery.send(lines(1, 4))).rejects.toMatchObject({ code: 'refused' });
  await expect(first.delivery.send(lines(5, 6))).rejects.toMatchObject({ code: 'refused' });
  expect(readdirSync(directory)).toHaveLength(2);
  expect(first.delivery).toMatchObject({ arrived: 0, refused: 0, unsent: 0 });

  const second = deliveryTo(server, await Spool.open(directory));
  await second.delivery.finish();
  expect([...server.stored]).toEqual(lines(1, 6).map(({ text }) => text));
  expect(second.delivery.arrived).toBe(6);
});

test('what arrived before the server took nothing any more is not spooled, and counts once', async () => {
  const directory = tempDir();
  const arrived: string[] = [];
  const write = (texts: readonly string[]): Promise<readonly RefusedLine[]> => {
    if (texts.length > 2) return Promise.reject(new WriteError('HTTP 413: too large', false, 0, 413));
    if (arrived.length > 0) return Promise.reject(new WriteError('HTTP 401: no', false, 0, 401));
    arrived.push(...texts);
    return Promise.resolve([]);
  };
  const { delivery } = deliveryTo({ write }, await Spool.open(directory));
  await expect(delivery.send(lines(1, 4))).rejects.toMatchObject({ code: 'refused' });
  expect(delivery).toMatchObject({ arrived: 2, refused: 0, unsent: 0 });
  expect(await (await Spool.open(directory)).first()).toEqual(lines(3, 4));
});

test('without a spool, what a server that takes nothing has not taken is counted', async () => {
  const write = (): Promise<readonly RefusedLine[]> =>
    Promise.reject(new WriteError('HTTP 401: no', false, 0, 401));
  const { delivery } = deliveryTo({ write });
  await expect(delivery.send(lines(1, 4))).rejects.toMatchObject({ code: 'refused' });
  expect(delivery).toMatchObject({ arrived: 0, refused: 0, unsent: 4 });
});

test.runIf(existsSync('/dev/full'))(
  'a full disk ends it with one line; what it could not keep is counted',
  async () => {
    const server = new Server();
    server.away = true;
    const directory = tempDir();
    const { delivery } = deliveryTo(server, await Spool.open(directory));
    await delivery.send(lines(1, 3));
    symlinkSync('/dev/full', join(directory, '000000000002.spooled.jsonl.part'));
    await expect(delivery.send(lines(4, 6))).rejects.toMatchObject({
      code: 'invalid_config',
      message: `cannot spool to ${directory}: no space left on device; 3 lines not kept, from data.lp, line 4 on`,
    });
    expect(delivery).toMatchObject({ arrived: 0, refused: 0, unsent: 3 });
    expect(readdirSync(directory)).toEqual(['000000000001.spooled.jsonl']);
  },
);

test('once stopped, a server that is away is not tried again for every batch', async () => {
  const server = new Server();
  server.away = true;
  const { delivery, stop } = deliveryTo(server);
  server.onRequest = () => {
    stop.abort();
  };
  for (let first = 1; first < 50; first += 10) await delivery.send(lines(first, first + 9));
  expect(server.requests).toBe(1);
  expect(delivery).toMatchObject({ arrived: 0, unsent: 50 });
});
