import { PassThrough, Readable } from 'node:stream';
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { completeLines, readUntilAborted } from '../../src/feed/live-bytes.js';
import { runs } from '../support/runs.js';

const never = new AbortController().signal;

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString('latin1');
}

describe('a stream that is read until a signal', () => {
  test('is read to its end without one', async () => {
    const stop = new AbortController();
    expect(await textOf(readUntilAborted(Readable.from(['ab', Buffer.from('c')]), stop.signal))).toBe('abc');
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('ends with the signal though it waits for more', async () => {
    const stop = new AbortController();
    const stream = new PassThrough();
    const chunks = readUntilAborted(stream, stop.signal);
    stream.write('ab');
    expect((await chunks.next()).value).toEqual(Buffer.from('ab'));
    const end = chunks.next();
    stop.abort();
    expect(await end).toMatchObject({ done: true });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('gives what it has read by then', async () => {
    const stop = new AbortController();
    const stream = new PassThrough();
    stream.write('a');
    const chunks = readUntilAborted(stream, stop.signal);
    await chunks.next();
    for (const text of ['b', 'c']) stream.write(text);
    stop.abort();
    expect(await textOf(chunks)).toBe('bc');
  });

  test('rejects with its error', async () => {
    const stream = new PassThrough();
    const chunks = readUntilAborted(stream, never);
    const next = chunks.next();
    stream.destroy(new Error('the disk is gone'));
    await expect(next).rejects.toThrow('the disk is gone');
  });
});

describe('complete lines', () => {
  const chunks = fc.array(fc.stringMatching(/^[ab\n]{0,6}$/));

  test('are the same bytes, each chunk but the last ending with a line', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, async (texts) => {
        const given = Readable.from(texts.map((text) => Buffer.from(text)));
        const found: string[] = [];
        for await (const chunk of completeLines(given, never, () => undefined)) found.push(chunk.toString());
        expect(found.join('')).toBe(texts.join(''));
        for (const chunk of found.slice(0, -1)) expect(chunk.endsWith('\n')).toBe(true);
      }),
      runs(200),
    );
  });

  test('have no half line where a signal ended them, which is told', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, async (texts) => {
        const stop = new AbortController();
        stop.abort();
        let isTold = false;
        const given = Readable.from(texts.map((text) => Buffer.from(text)));
        const text = await textOf(
          completeLines(given, stop.signal, () => {
            isTold = true;
          }),
        );
        const all = texts.join('');
        expect(text).toBe(all.slice(0, all.lastIndexOf('\n') + 1));
        expect(isTold).toBe(text.length < all.length);
      }),
      runs(200),
    );
  });
});
