import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AheadOutput, noOutputAhead } from '../../../../src/agent/output-ahead.js';
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
  /** The outputs that are left of a frame that is begun. */
  #unfinished: string[] = [];
  /** The bytes from the begin of that frame on. */
  #unfinishedBytes = 0;
  /** What the frame that was begun last has written. */
  #ahead: AheadOutput = noOutputAhead;
  /** Frames that were begun, with repeated ones. */
  readonly begun: number[] = [];

  readonly #refused: ReadonlySet<number>;

  /** `refused`: the frames whose handler it does not call. */
  constructor(
    feed: Feed,
    room: number,
    emit: (output: string) => void,
    refused: ReadonlySet<number> = new Set<number>(),
  ) {
    this.#feed = feed;
    this.#refused = refused;
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

  /**
   * Handles so many frames as one turn, begins another one of which `begun` outputs are written if that is more than none, and
   * acknowledges what is finished. Returns how many frames there were.
   */
  turn(frames: number, begun = 0): number {
    let taken = 0;
    while (taken < frames && this.#handle(Infinity)) taken++;
    if (begun > 0 && this.#unfinished.length === 0) this.#handle(begun);
    this.#acknowledge(this.#bytes.length + (this.#unfinished.length > 0 ? this.#unfinishedBytes : 0));
    return taken;
  }

  /** Handles so many frames, begins another one of which some output is written, and acknowledges none. */
  die(frames: number, lastOutputs: number): void {
    while (frames-- > 0 && this.#handle(Infinity));
    this.#handle(lastOutputs);
  }

  /** Finishes a frame that was begun, or handles the next one, up to so many of its outputs. */
  #handle(maxOutputs: number): boolean {
    if (this.#unfinished.length > 0) {
      this.#write(this.#unfinished.splice(0, maxOutputs));
      return true;
    }
    if (this.#bytes.length === 0) return false;
    const size = this.#bytes[0]! + 1;
    if (this.#bytes.length < size) return false;
    const index = this.#bytes.readUInt32LE(1);
    this.#unfinishedBytes = size;
    this.#bytes = this.#bytes.subarray(size);
    this.begun.push(index);
    const isRefused = this.#refused.has(index);
    if (isRefused) this.#feed.refused();
    this.#ahead = { frames: 0, refusals: Number(isRefused) };
    const outputs = isRefused ? [`${index} refused`] : outputsOf(index);
    this.#write(outputs.splice(0, maxOutputs));
    this.#unfinished = outputs;
    return true;
  }

  #write(outputs: readonly string[]): void {
    for (const output of outputs) if (this.#feed.isNew()) this.#emit(output);
    this.#ahead = { ...this.#ahead, frames: this.#ahead.frames + outputs.length };
  }

  #acknowledge(unhandledBytes: number): void {
    const handled = this.#fedBytes - unhandledBytes;
    this.handledBytes = handled;
    const ahead = this.#unfinished.length > 0 ? this.#ahead : noOutputAhead;
    this.#feed.handled({ handled, ahead, wakeAtMs: NaN, stats: undefined });
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
  /** The frames that the next workers refuse. */
  readonly refused = new Set<number>();
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
    this.worker = new FakeWorker(
      this.feed,
      room,
      (output) => this.output.push(output),
      new Set(this.refused),
    );
    this.feed.begin(this.worker, this.base);
  }

  /** Feeds and handles all input. */
  settle(framesPerTurn = 3): void {
    while (!this.feed.advance(this.feed.journal.end)) this.worker.turn(framesPerTurn);
  }

  snapshot(): void {
    this.settle();
    this.base = this.feed.acknowledged;
    this.feed.journal.release(this.base);
    this.feed.rebase();
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
      fc.record({ kind: fc.constant('turn' as const), frames: fc.nat(5), begun: fc.nat(2) }),
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
          else if (one.kind === 'turn') bench.worker.turn(one.frames, one.begun);
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

  test('gives the output of what is refused after that of the handler which has ended workers, once', () => {
    const step = fc.record({
      frames: fc.nat(6),
      last: fc.nat(3),
      refuses: fc.boolean(),
      turns: fc.nat(4),
      begun: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        const bench = new Bench(10_000);
        /** How much of each refused frame's output had been emitted. */
        const emitted = new Map<number, number>();
        let farthest = -1;
        for (let index = 0; index < 30; index++) bench.append(1);
        for (const { frames, last, refuses, turns, begun } of steps) {
          bench.feed.advance(bench.feed.journal.end);
          for (let turn = 0; turn < turns; turn++) bench.worker.turn(1, begun);
          bench.feed.advance(bench.feed.journal.end);
          bench.worker.die(frames, last);
          const current = bench.worker.begun.at(-1);
          const isKnown = current === undefined || bench.refused.has(current);
          farthest = Math.max(farthest, current ?? -1);
          // What ends two workers is nothing that another one has come beyond.
          const isHandled = !isKnown && bench.spans[current]!.end <= bench.feed.acknowledged;
          if (refuses && !isKnown && !isHandled && current === farthest) {
            bench.refused.add(current);
            emitted.set(current, bench.output.filter((text) => text.startsWith(`${current}.`)).length);
          }
          bench.start(10_000);
        }
        bench.settle();
        const wanted = Array.from({ length: 30 }, (_, index) => {
          const outputs = outputsOf(index);
          return emitted.has(index) ? [...outputs.slice(0, emitted.get(index)), `${index} refused`] : outputs;
        });
        expect(bench.output).toEqual(wanted.flat());
        expect(bench.feed.isRepeating).toBe(false);
      }),
    );
  });

  test('gives the output of a refusal that a worker ended before, also after one that ended before repeating it', () => {
    const bench = new Bench(10_000);
    for (let index = 0; index < 5; index++) bench.append(1);
    const feedAll = () => bench.feed.advance(bench.feed.journal.end);
    feedAll();
    bench.worker.die(4, 0);
    bench.refused.add(4);
    bench.start(10_000);
    feedAll();
    bench.worker.die(4, 0); // refuses frame 4, and emits nothing for it
    bench.start(10_000);
    feedAll();
    bench.worker.turn(3, 1); // emits one of three outputs of frame 3
    bench.start(10_000);
    bench.settle();
    expect(bench.output).toEqual([...allOutputs(4), '4 refused']);
  });

  test('finds where the frame starts that ends at a position, unless it is handled', () => {
    const bench = new Bench(10_000);
    for (let index = 0; index < 5; index++) bench.append(index);
    bench.feed.advance(bench.feed.journal.end);
    bench.worker.turn(2);
    const starts = bench.spans.map(({ end }) => bench.feed.frameStart(end));
    const acknowledged = bench.spans[1]!.end;
    expect(starts).toEqual([acknowledged, acknowledged, ...bench.spans.slice(2).map(({ start }) => start)]);
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
});
