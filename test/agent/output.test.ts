import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Counters } from '../../src/agent/counters.js';
import { Output } from '../../src/agent/output.js';

/** A stream whose reader takes one write when it is told to. */
function slowStream(): { stream: Writable; take: () => void } {
  let taken: (() => void) | undefined;
  const stream = new Writable({
    highWaterMark: 16_384,
    write: (_chunk, _encoding, done) => {
      taken = done;
    },
  });
  return { stream, take: () => taken?.() };
}

describe('what the limit of unread output does not count', () => {
  test('is not counted while any of it waits, and no longer', () => {
    const { stream, take } = slowStream();
    const output = new Output(stream, new Counters(), 100_000);
    const send = (bytes: number): void => {
      output.beginTurn();
      output.send(Buffer.alloc(bytes));
      output.flush();
      output.send(Buffer.alloc(0));
    };
    // There is always something behind a snapshot that waits still, so the output never runs empty.
    for (let minute = 0; minute < 10; minute++) {
      send(1000);
      output.sendExempt([Buffer.alloc(500_000), Buffer.alloc(500_000)]);
      output.flush();
      send(1000);
      while (stream.writableLength > 1000) take();
      output.flush();
    }
    send(90_000);
    expect(() => {
      send(50_000);
    }).toThrow('more than 100000 bytes are waiting for Kapacitor to read them (outputBytes)');
  });
});
