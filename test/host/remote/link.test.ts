import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeAckFrame,
  frameHead,
  FrameKind,
  LinkFrameReader,
  maxDataBytes,
} from '../../../src/host/remote/link-frames.js';
import { Link, windowBytes } from '../../../src/host/remote/link.js';
import { Duplex } from 'node:stream';
import { memoryTransportPair } from '../../../src/transport/memory-transport.js';

describe('frames', () => {
  const frames = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom(FrameKind.data, FrameKind.control),
        payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      }),
      fc.constant({ kind: FrameKind.ping, payload: Buffer.alloc(0) }),
    ),
    { maxLength: 20 },
  );

  test('are the same however their bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(
          sent.flatMap(({ kind, payload }) => [frameHead(kind, payload.length), payload]),
        );
        const received: unknown[] = [];
        const reader = new LinkFrameReader(1_000, (kind, payload) => {
          received.push({ kind, payload: Buffer.from(payload) });
        });
        for (let at = 0, next = 0; at < bytes.length; next++) {
          const count = cuts[next % cuts.length]!;
          reader.push(bytes.subarray(at, at + count));
          at += count;
        }
        expect(received).toEqual(sent);
      }),
    );
  });

  test.each([
    ['an unknown kind', frameHead(99, 0)],
    ['too many bytes of data', frameHead(FrameKind.data, maxDataBytes + 1)],
    ['too large a message', frameHead(FrameKind.control, 1_001)],
    ['a ping with content', frameHead(FrameKind.ping, 1)],
    ['an acknowledgement of another size', frameHead(FrameKind.ack, 4)],
  ])('with %s are refused by their head', (_what, head) => {
    const reader = new LinkFrameReader(1_000, () => undefined);
    expect(() => {
      reader.push(head);
    }).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('of any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const reader = new LinkFrameReader(100, () => undefined);
        try {
          reader.push(Buffer.from(bytes));
        } catch (reason) {
          expect(reason).toMatchObject({ code: 'malformed' });
        }
      }),
    );
  });
});

/** One side, and what has come. */
class Side {
  readonly got: string[] = [];
  readonly lost: string[] = [];
  ended: string | undefined;
  position = 0;
  rooms = 0;
  readonly link = new Link(
    { maxControlBytes: 1_000, heartbeatMs: 20 },
    {
      data: (bytes, position) => {
        this.got.push(`data ${bytes.toString()}`);
        this.position = position;
      },
      control: (payload) => this.got.push(`control ${payload.toString()}`),
      room: () => this.rooms++,
      lost: ({ message }) => this.lost.push(message),
      ended: (reason) => (this.ended = reason),
    },
  );

  send(text: string): void {
    const bytes = Buffer.from(text);
    expect(this.link.send(bytes, 0, bytes.length)).toBe(bytes.length);
  }
}

/** Two ends of a connection: each end of a memory transport is one duplex stream. */
function connection(): [Duplex, Duplex] {
  const [first, second] = memoryTransportPair().map(({ input }) => input);
  if (!(first instanceof Duplex) || !(second instanceof Duplex))
    throw new Error('they are no duplex streams');
  return [first, second];
}

/** Connects two sides; each first says what it has received, as greetings do. */
function connect(one: Side, other: Side): Duplex {
  const [first, second] = connection();
  const [a, b] = [one.link.received, other.link.received];
  one.link.attach(first, Buffer.alloc(0), b);
  other.link.attach(second, Buffer.alloc(0), a);
  return first;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('a link', () => {
  test('gives all in order, and once, over connections that are lost at any time', async () => {
    const [one, other] = [new Side(), new Side()];
    const expected: string[] = [];
    for (let round = 0; round < 50; round++) {
      const stream = connect(one, other);
      for (let index = 0; index < 10; index++) {
        one.send(`${round}.${index}`);
        one.link.control(Buffer.from(`c${round}.${index}`));
        expected.push(`data ${round}.${index}`, `control c${round}.${index}`);
        if (index === round % 10) stream.destroy();
      }
      await turn();
    }
    connect(one, other);
    await turn();
    expect(other.got).toEqual(expected);
    expect(one.lost).toHaveLength(50);
    one.link.close('enough');
    await turn();
    expect(other.ended).toBe('enough');
  });

  test('takes no more than a window until the other side has taken it', async () => {
    const [one, other] = [new Side(), new Side()];
    connect(one, other);
    const bytes = Buffer.alloc(2 * windowBytes);
    const sent = one.link.send(bytes, 0, bytes.length);
    expect(sent).toBeLessThanOrEqual(windowBytes);
    expect(one.link.send(bytes, 0, 1)).toBe(0);
    await turn();
    const rooms = one.rooms;
    other.link.release(other.position);
    await turn();
    expect(one.rooms).toBe(rooms + 1);
    expect(one.link.send(bytes, 0, 1)).toBe(1);
    one.link.close('');
    other.link.close('');
  });

  test('is lost when nothing comes any more', async () => {
    const [one, other] = [new Side(), new Side()];
    connect(one, other);
    const silent = connect(one, new Side());
    silent.pause();
    await expect.poll(() => one.lost.at(-1)).toBe('the other side has not been heard for 100 ms');
    one.link.close('');
    other.link.close('');
  });

  test('cannot continue where the other side has what was never sent, or lacks what is forgotten', () => {
    const one = new Side();
    const [stream] = connection();
    expect(() => {
      one.link.attach(stream, Buffer.alloc(0), 1);
    }).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  test('is lost when the other side breaks the rules', async () => {
    const one = new Side();
    const [stream, theirs] = connection();
    one.link.attach(stream, Buffer.alloc(0), 0);
    theirs.write(encodeAckFrame(1e9));
    await turn();
    expect(one.lost).toEqual(['1000000000 was acknowledged, and not sent']);
  });
});
