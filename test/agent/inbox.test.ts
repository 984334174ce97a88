import { expect, test } from 'vitest';
import { Inbox } from '../../src/agent/inbox.js';
import { heldBytes } from '../support/held-bytes.js';

const chunkBytes = 64 * 1024;

test('an inbox that never runs empty lets go of what it has handed out, and keeps the order', () => {
  const inbox = new Inbox();
  const push = (number: number): void => {
    const buf = Buffer.allocUnsafeSlow(chunkBytes);
    buf.writeUInt32LE(number);
    inbox.push({ buf, frame: 0, payload: 4, end: chunkBytes });
  };
  push(0);
  const before = heldBytes();
  for (let number = 1; number <= 1000; number++) {
    push(number);
    expect(inbox.shift().buf.readUInt32LE()).toBe(number - 1);
  }
  expect(inbox.bytes).toBe(chunkBytes);
  expect(heldBytes() - before).toBeLessThan(20 * chunkBytes);
});
