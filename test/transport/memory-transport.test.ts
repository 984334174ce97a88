import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import type { Transport } from '../../src/transport/transport.js';

describe('a pair of memory transports', () => {
  test('carries bytes both ways, in order', async () => {
    const [one, other] = memoryTransportPair();
    one.output.write('a');
    one.output.end('bc');
    other.output.end('xyz');
    expect(await text(other.input)).toBe('abc');
    expect(await text(one.input)).toBe('xyz');
  });

  test('lets one side go on writing after the other has half-closed', async () => {
    const [one, other] = memoryTransportPair();
    one.output.end();
    await once(other.input.resume(), 'end');
    other.output.end('the last points');
    expect(await text(one.input)).toBe('the last points');
  });

  test('lets a writer wait until the other side reads on, and loses nothing', async () => {
    const [one, other] = memoryTransportPair({ highWaterMark: 1024 });
    const sent = Buffer.alloc(100 * 1024, 'x');
    let written = 0;
    for (let at = 0; at < sent.length; at += 1024) {
      one.output.write(sent.subarray(at, at + 1024), () => (written += 1024));
    }
    await new Promise(setImmediate);
    expect(written).toBeLessThan(8 * 1024);
    expect(one.output.writableLength).toBeGreaterThan(90 * 1024);
    one.output.end();
    expect(sent.equals(await buffer(other.input))).toBe(true);
    expect(written).toBe(sent.length);
  });

  test('shows its end to the other side when it is destroyed', async () => {
    const [one, other] = memoryTransportPair();
    one.destroy();
    expect(await text(other.input)).toBe('');
  });

  test('fails with EPIPE what is written to an end that was destroyed', async () => {
    const [one, other] = memoryTransportPair();
    other.destroy();
    const failed = once(one.output, 'error');
    one.output.write('too late');
    expect(await failed).toMatchObject([{ code: 'EPIPE' }]);
  });

  test('fails with EPIPE what still waits to be read when the reader is destroyed', async () => {
    const [one, other] = memoryTransportPair({ highWaterMark: 1 });
    const failed = once(one.output, 'error');
    one.output.write('waits');
    await new Promise(setImmediate);
    other.destroy();
    expect(await failed).toMatchObject([{ code: 'EPIPE' }]);
  });

  test('may be destroyed more than once, with the error that it was destroyed with first', async () => {
    const [one] = memoryTransportPair();
    const failed = once(one.input, 'error');
    one.destroy(new Error('first'));
    one.destroy(new Error('second'));
    expect(await failed).toMatchObject([{ message: 'first' }]);
  });

  test('is one stream for both directions, as a socket is', () => {
    const pair: readonly Transport[] = memoryTransportPair();
    for (const { input, output, description } of pair) {
      expect(input).toBe(output);
      expect(description).toBe('memory');
    }
  });
});
