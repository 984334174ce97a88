import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Sender } from '../../src/agent/sender.js';
import { Counters } from '../../src/agent/counters.js';
import { FrameOutput } from '../../src/wire/frame-output.js';

/** A stream whose reader takes one write when it is told to. */
function slowOutput(): { output: Writable; take: () => void } {
  let taken: (() => void) | undefined;
  const output = new Writable({
    highWaterMark: 16_384,
    write: (_chunk, _encoding, done) => {
      taken = done;
    },
  });
  return { output, take: () => taken?.() };
}

describe('what the limit of unread output does not count', () => {
  test('is not counted while any of it waits, and no longer', () => {
    const { output, take } = slowOutput();
    const sender = new Sender(output, new FrameOutput(), new Counters(), 100_000);
    const send = (bytes: number): void => {
      sender.send(Buffer.alloc(bytes));
      sender.flush();
      sender.added(true);
    };
    // There is always something behind a snapshot that waits still, so the output never runs empty.
    for (let minute = 0; minute < 10; minute++) {
      send(1000);
      sender.sendExempt([Buffer.alloc(500_000), Buffer.alloc(500_000)]);
      sender.flush();
      sender.added(true);
      send(1000);
      while (output.writableLength > 1000) take();
      sender.flush();
    }
    send(90_000);
    expect(() => {
      send(50_000);
    }).toThrow('more than 100000 bytes are waiting for Kapacitor to read them (outputBytes)');
  });
});
