import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Feed, type FeedTarget } from '../../../../src/host/isolation/supervisor/feed.js';
import type { Span } from '../../../../src/host/isolation/supervisor/journal.js';
import { frameOf } from '../../../support/input-frames.js';

/** The frame of input number `index`, of as many bytes as its payload says. */
function inputFrame(index: number, size: number): Buffer {
  const payload = Buffer.alloc(size + 4, 0xaa);
  payload.writeUInt32LE(index, 0);
  return frameOf(payload);
}

/** A worker that emits `outputs` texts for each frame. Its state is the number of the next frame. */
class FakeWorker implements FeedTarget {
  readonly #feed: Feed;
  readonly #emit: (output: string) => void;
  readonly #room: number;
  #bytes: Buffer = Buffer.alloc(0);
  #fedBytes = 0;
  handledBytes = 0;
  startedSinceAck = 0;
  /** Frames that were begun, with repeated ones. */
  readonly begun: number[] = [];

  constructor(feed: Feed, room: number, emit: (output: string) => void) {
    this.#feed = feed;
    this.#room = room;
    this.#emit = emit;
  }

  get isSettled(): boolean {
    return this.handledBytes === this.#fedBytes;
  }

  feed(bytes: Buffer): number {
    const count = Math.min(bytes.length, this.#room - this.#bytes.length);
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(0, count)]);
    this.#fedBytes += count;
    return count;
  }

  /** Handles so many frames as one turn, and acknowledges them. Returns how many there were. */
  turn(frames: number): number {
    let taken = 0;
    while (taken < frames && this.#handle(Infinity)) taken++;
    this.#acknowledge();
    return taken;
  }

  /** Handles so many frames, begins another one of which some output is written, and acknowledges none. */
  die(frames: number, lastOutputs: number): void {
    while (frames-- > 0 && this.#handle(Infinity));
    this.#handle(lastOutputs);
  }

  #handle(maxOutputs: number): boolean {
    if (this.#bytes.length === 0) return false;
    const size = this.#bytes[0]! + 1;
    if (this.#bytes.length < size) return false;
    const index = this.#bytes.readUInt32LE(1);
    this.#bytes = this.#bytes.subarray(size);
    this.startedSinceAck++;
    this.begun.push(index);
    for (const output of outputsOf(index).slice(0, maxOutputs)) {
      if (this.#feed.isNew()) this.#emit(output);
    }
    return true;
  }

  #acknowledge(): void {
    const handled = this.#fedBytes - this.#bytes.length;
    this.handledBytes = handled;
    this.startedSinceAck = 0;
    this.#feed.handled({ handled, started: 0, wakeAtMs: NaN, stats: undefined });
  }
}

/** What a UDF emits for a frame. */
function outputsOf(index: number): string[] {
  return Array.from({ length: index % 4 }, (_, number) => `${index}.${number}`);
}

/** A feed, its output, and its workers. */
class Bench {
  readonly feed = new Feed();
  readonly output: string[] = [];
  /** The place of each frame. */
  readonly spans: Span[] = [];
  base = 0;
  worker!: FakeWorker;

  constructor(room = 64) {
    this.start(room);
  }

  append(size: number): void {
    const frame = inputFrame(this.spans.length, size);
    const start = this.feed.journal.end;
    this.feed.journal.append(frame, 0, frame.length);
    this.spans.push({ start, end: start + frame.length });
  }

  /** Replaces the worker by one that starts with the last snapshot. */
  start(room = 64): void {
    this.feed.stop();
    this.worker = new FakeWorker(this.feed, room, (output) => this.output.push(output));
    this.feed.begin(this.worker, this.base);
  }

  /** Feeds and handles all input. */
  settle(framesPerTurn = 3): void {
    while (!this.feed.advance(this.feed.journal.end)) this.worker.turn(framesPerTurn);
  }

  snapshot(): void {
    this.settle();
    this.base = this.feed.acknowledged;
    this.feed.release(this.base);
    this.feed.rebase();
  }

  leaveOut(index: number, passOn?: string): void {
    this.feed.leaveOut(this.spans[index]!, passOn === undefined ? undefined : () => this.output.push(passOn));
  }
}

function allOutputs(count: number): string[] {
  return Array.from({ length: count }, (_, index) => index).flatMap(outputsOf);
}

describe('a feed', () => {
  test('finds the boundary between frames that follows what the worker was fed', () => {
    const feed = new Feed();
    for (let index = 0; index < 4; index++) feed.journal.append(inputFrame(index, 5), 0, 10);
    const worker = new FakeWorker(feed, 25, () => undefined);
    feed.begin(worker, 0);
    expect(feed.nextBoundary()).toBe(0);
    feed.advance(feed.journal.end);
    expect(feed.nextBoundary()).toBe(30);
    worker.turn(2);
    expect(feed.nextBoundary()).toBe(30);
    feed.advance(feed.journal.end);
    expect(feed.nextBoundary()).toBe(40);
  });

  test('gives the output of one undisturbed worker, wherever workers end', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), sizes: fc.array(fc.nat(50), { maxLength: 10 }) }),
      fc.record({ kind: fc.constant('turn' as const), frames: fc.nat(5) }),
      fc.record({ kind: fc.constant('die' as const), frames: fc.nat(5), last: fc.nat(3), room: fc.nat(200) }),
      fc.record({ kind: fc.constant('snapshot' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bench = new Bench();
        for (const one of steps) {
          bench.feed.advance(bench.feed.journal.end);
          if (one.kind === 'append')
            one.sizes.forEach((size) => {
              bench.append(size);
            });
          else if (one.kind === 'turn') bench.worker.turn(one.frames);
          else if (one.kind === 'snapshot') bench.snapshot();
          else {
            bench.worker.die(one.frames, one.last);
            bench.start(64 + one.room);
          }
        }
        bench.settle();
        expect(bench.output).toEqual(allOutputs(bench.spans.length));
        expect(bench.feed.unhandledBytes).toBe(0);
        expect(bench.feed.isRepeating).toBe(false);
      }),
    );
  });

  test('names the frame that a worker ended at', () => {
    fc.assert(
      fc.property(fc.nat(10), fc.nat(10), fc.nat(3), (acked, more, last) => {
        const bench = new Bench(10_000);
        for (let index = 0; index < 30; index++) bench.append(index);
        bench.feed.advance(bench.feed.journal.end);
        bench.worker.turn(acked);
        expect(bench.feed.current()).toBeUndefined();
        bench.worker.die(more, last);
        expect(bench.feed.current()).toEqual(bench.spans[acked + more]);
      }),
    );
  });

  test('gives no later worker what is left out, and passes it on in its place', () => {
    const bench = new Bench(10_000);
    for (let index = 0; index < 10; index++) bench.append(1);
    bench.feed.advance(bench.feed.journal.end);
    bench.worker.die(5, 0);
    bench.leaveOut(5, 'passed on');
    bench.leaveOut(8);
    bench.start();
    bench.settle();
    expect(bench.worker.begun).toEqual([0, 1, 2, 3, 4, 6, 7, 9]);
    expect(bench.output).toEqual(
      [0, 1, 2, 3, 4].flatMap(outputsOf).concat('passed on', [6, 7, 9].flatMap(outputsOf)),
    );
    bench.start();
    bench.settle();
    expect(bench.output.filter((output) => output === 'passed on')).toHaveLength(1);
  });

  test('names the frame that a worker ended at beyond what is left out', () => {
    const bench = new Bench(10_000);
    for (let index = 0; index < 10; index++) bench.append(1);
    bench.leaveOut(2);
    bench.start();
    bench.settle(1);
    bench.start();
    bench.feed.advance(bench.spans[6]!.end);
    while (bench.feed.fed < bench.spans[6]!.end) {
      bench.worker.turn(1);
      bench.feed.advance(bench.spans[6]!.end);
    }
    const handled = bench.worker.begun.length;
    bench.worker.die(1, 0);
    const begun = bench.worker.begun[handled + 1] ?? bench.worker.begun[handled]!;
    expect(bench.feed.current()).toEqual(bench.spans[begun]);
  });

  test('forgets what was left out with the input that is released', () => {
    const bench = new Bench();
    for (let index = 0; index < 4; index++) bench.append(1);
    bench.leaveOut(1);
    bench.start();
    bench.snapshot();
    bench.append(1);
    bench.start();
    bench.settle();
    expect(bench.worker.begun).toEqual([4]);
    expect(bench.output).toEqual([0, 2, 3, 4].flatMap(outputsOf));
  });

  test('takes output without input for that of a timer, which comes once, and after the end for that of stop', () => {
    const bench = new Bench();
    bench.append(1);
    bench.settle();
    expect([bench.feed.isNew(), bench.feed.isNew()]).toEqual([true, true]);
    bench.start();
    bench.settle();
    expect(bench.feed.isNew()).toBe(true);
    bench.feed.end();
    expect([bench.feed.isNew(), bench.feed.isNew()]).toEqual([true, true]);
    bench.start();
    bench.settle();
    bench.feed.end();
    expect([1, 2, 3].map(() => bench.feed.isNew())).toEqual([false, false, true]);
  });

  test('counts the bytes of requests as none of the input', () => {
    const bench = new Bench();
    bench.append(1);
    bench.settle();
    bench.worker.handledBytes += 100;
    bench.feed.rebase();
    bench.worker.handledBytes -= 100; // the fake worker counts input only
    bench.feed.rebase();
    bench.append(1);
    bench.settle();
    expect(bench.feed.acknowledged).toBe(bench.feed.journal.end);
  });

  test('converts the bytes that a worker was fed to positions, beyond what it does not get', () => {
    const bench = new Bench();
    for (let index = 0; index < 6; index++) bench.append(index);
    bench.leaveOut(1);
    bench.leaveOut(2);
    bench.leaveOut(4);
    const positionOf = bench.feed.positionsFrom(0);
    const sizes = bench.spans.map(({ start, end }) => end - start);
    let fed = 0;
    expect(
      [0, 3, 5].map((index) => {
        fed += sizes[index]!;
        return positionOf(fed);
      }),
    ).toEqual([0, 3, 5].map((index) => bench.spans[index]!.end));
    expect(positionOf(0)).toBe(0);
  });
});
