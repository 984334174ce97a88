import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { Input } from '../../src/agent/input.js';
import { defaultLimits } from '../../src/agent/limits.js';
import { heldBytes } from '../support/held-bytes.js';

const chunkBytes = 64 * 1024;

test('a queue that is never empty releases the frames that were taken from it, and keeps their order', () => {
  const input = new Input(new PassThrough(), defaultLimits, () => undefined);
  const push = (number: number): void => {
    const buf = Buffer.allocUnsafeSlow(chunkBytes);
    buf.writeUInt32LE(number);
    input.push({ buf, frame: 0, payload: 4, end: chunkBytes });
  };
  push(0);
  const before = heldBytes();
  for (let number = 1; number <= 1000; number++) {
    push(number);
    expect(input.shift().buf.readUInt32LE()).toBe(number - 1);
  }
  expect(input.queuedBytes).toBe(chunkBytes);
  expect(heldBytes() - before).toBeLessThan(20 * chunkBytes);
});

test('a stream is paused and resumed once, and a queue above its limit is full', () => {
  const stream = new PassThrough();
  const input = new Input(stream, { ...defaultLimits, inputBytes: 10 }, () => undefined);
  const frame = { buf: Buffer.alloc(6), frame: 0, payload: 1, end: 6 };
  input.push(frame);
  expect(input.isFull).toBe(false);
  input.push(frame);
  expect(input.isFull).toBe(true);
  input.setPaused(true);
  expect(stream.isPaused()).toBe(true);
  input.shift();
  expect(input.isFull).toBe(false);
  input.setPaused(false);
  expect(stream.isPaused()).toBe(false);
});
