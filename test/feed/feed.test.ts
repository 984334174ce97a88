import { once } from 'node:events';
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { feed, type FeedOptions } from '../../src/feed/feed.js';
import { influxTarget } from '../../src/influx/target.js';
import { tempDir } from '../support/temp-dir.js';

/** A server that stores lines, and a feed to it. */
async function setUp() {
  const stored: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
      stored.push(...text.split('\n'));
      response.writeHead(204).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const target = influxTarget(`http://127.0.0.1:${(server.address() as AddressInfo).port}?db=d`, {});
  const stop = new AbortController();
  const stdin = new PassThrough();
  const notes: string[] = [];
  const start = (options: Partial<FeedOptions>) =>
    feed({
      target,
      stdin,
      signal: stop.signal,
      flushMs: 5,
      events: {
        onNote: (note) => notes.push(note),
        onSkipped: ({ message }) => notes.push(message),
      },
      ...options,
    });
  return { stored, stop, stdin, notes, start };
}

const whole = { arrived: 2, refused: 0, skipped: 0, unsent: 0, waitingBatches: 0, isStopped: false };

describe('a feed returns what happened', () => {
  test('to its sources', async () => {
    const { stored, start } = await setUp();
    const path = join(tempDir(), 'a.lp');
    writeFileSync(path, 'm v=1 1\nm v=2 2');
    expect(await start({ sources: [path] })).toEqual(whole);
    expect(stored).toEqual(['m v=1 1', 'm v=2 2']);
  });

  test('to made-up data', async () => {
    const { stored, start } = await setUp();
    expect(await start({ generator: { name: 'meters', points: 2 } })).toEqual(whole);
    expect(stored[0]).toMatch(/^electricity,meter=main power=/);
  });

  test('before an error, and the error', async () => {
    const { start } = await setUp();
    const path = join(tempDir(), 'a.lp');
    writeFileSync(path, 'm v=1 1\nm v=2 2\nwrong\nm v=3 3\n');
    expect(await start({ sources: [path] })).toEqual({
      ...whole,
      error: expect.objectContaining({ code: 'malformed' }) as unknown,
    });
  });

  test.each([
    [{}, 'name either sources or --demo'],
    [{ sources: ['a.lp'], generator: { name: 'adsl' } }, 'name either sources or --demo'],
    [{ sources: ['-'], follow: true }, '--follow takes one file'],
    [{ sources: ['-'], shiftToNow: true }, '--shift-to-now reads files twice'],
    [{ sources: ['https://h'] }, 'a source must be a file, got a URL'],
  ] as const)('or refuses options that contradict each other: %j', async (options, message) => {
    const { start } = await setUp();
    await expect(start(options)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('at the signal', () => {
  test('lines of a pipe that have come are sent, but for half a line at its end, which is told', async () => {
    const { stored, stop, stdin, notes, start } = await setUp();
    const result = start({ sources: ['-'], flushMs: 60_000 });
    stdin.write('m v=1 1\nm v=2 2\nm v=3 33');
    await expect.poll(() => stdin.readableLength).toBe(0);
    stop.abort();
    expect(await result).toEqual({ ...whole, isStopped: true });
    expect(stored).toEqual(['m v=1 1', 'm v=2 2']);
    expect(notes).toEqual(['standard input: its last line has no end yet and is not sent']);
  });

  test('a pipe of gzipped data ends without an error', async () => {
    const { stop, stdin, start } = await setUp();
    const result = start({ sources: ['-'] });
    stdin.write(gzipSync('m v=1 1\n').subarray(0, 15));
    await expect.poll(() => stdin.readableLength).toBe(0);
    stop.abort();
    expect(await result).toEqual({ ...whole, arrived: 0, isStopped: true });
  });

  test('what was appended to a followed file by then is sent', async () => {
    const { stored, stop, start } = await setUp();
    const path = join(tempDir(), 'a.lp');
    writeFileSync(path, 'm v=1 1\n');
    const result = start({ sources: [path], follow: true });
    await expect.poll(() => stored).toEqual(['m v=1 1']);
    appendFileSync(path, 'm v=2 2\nm v=');
    stop.abort();
    expect(await result).toEqual(whole);
    expect(stored).toEqual(['m v=1 1', 'm v=2 2']);
  });

  test('points that are not due yet are not sent', async () => {
    const { stored, stop, start } = await setUp();
    const path = join(tempDir(), 'a.lp');
    writeFileSync(path, 'm v=1 1\nm v=2 3600000000000\n');
    const result = start({ sources: [path], speed: 1 });
    await expect.poll(() => stored).toEqual(['m v=1 1']);
    stop.abort();
    expect(await result).toEqual({ ...whole, arrived: 1, isStopped: true });
  });
});

describe('a quote that is not closed costs its line only, at once', () => {
  const text = 'm v=1 1\nm s="open 2\nm v=3 3\nm v=4 4\n';
  const expected = ['m v=1 1', 'm v=3 3', 'm v=4 4'];

  test('in a followed file', async () => {
    const { stored, stop, notes, start } = await setUp();
    const path = join(tempDir(), 'a.lp');
    writeFileSync(path, text);
    const result = start({ sources: [path], follow: true, skipBad: true });
    await expect.poll(() => stored, { timeout: 5_000 }).toEqual(expected);
    expect(notes).toEqual([expect.stringContaining(`${path}, line 2: `)]);
    stop.abort();
    expect(await result).toMatchObject({ arrived: 3, skipped: 1, unsent: 0, isStopped: false });
  });

  test('in a pipe', async () => {
    const { stored, stdin, start } = await setUp();
    const result = start({ sources: ['-'], skipBad: true });
    stdin.write(text);
    await expect.poll(() => stored, { timeout: 5_000 }).toEqual(expected);
    stdin.end();
    expect(await result).toMatchObject({ arrived: 3, skipped: 1, isStopped: false });
  });

  test('also when the signal comes before that is clear', async () => {
    const { stored, stop, stdin, start } = await setUp();
    const result = start({ sources: ['-'], skipBad: true, flushMs: 60_000 });
    stdin.write(text);
    await expect.poll(() => stdin.readableLength).toBe(0);
    stop.abort();
    expect(await result).toMatchObject({ arrived: 3, skipped: 1 });
    expect(stored).toEqual(expected);
  });
});
