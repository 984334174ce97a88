import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeResponse, type Response } from '../../src/wire/messages.js';

interface FrameCounter {
  readonly points: number;
  readonly batches: number;
  push(buf: Buffer, length: number): void;
}
type FrameCounterClass = new (onControl: (payload: Buffer) => void) => FrameCounter;

const path = './load/frame-counter.mjs';
const { FrameCounter } = (await import(path)) as { FrameCounter: FrameCounterClass };

const head = { name: 'm', group: '', tags: {}, byName: false };
const responses: Record<string, Response> = {
  begin: { kind: 'begin', ...head, size: 1n },
  end: { kind: 'end', ...head, tmax: 1n },
  keepalive: { kind: 'keepalive', time: 5n },
  error: { kind: 'error', error: 'x'.repeat(300) },
};
const point = (text: string): Response => ({
  kind: 'point',
  time: 1n,
  name: text,
  database: '',
  retentionPolicy: '',
  group: '',
  dimensions: [],
  byName: false,
  tags: {},
  fieldsDouble: { value: 1 },
  fieldsInt: {},
  fieldsString: {},
  fieldsBool: {},
});

const anyResponse = fc.oneof(
  fc.constantFrom('begin', 'end', 'keepalive', 'error'),
  fc.integer({ min: 0, max: 20_000 }),
);

it('counts points and batches and hands out control messages, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(anyResponse), fc.array(fc.nat({ max: 500 })), (kinds, cuts) => {
      const frames = kinds.map((kind) =>
        encodeResponse(typeof kind === 'number' ? point('x'.repeat(kind)) : responses[kind]!),
      );
      const bytes = Buffer.concat(frames);
      const controls: Buffer[] = [];
      const counter = new FrameCounter((payload) => controls.push(payload));
      let at = 0;
      for (const cut of cuts) {
        const end = Math.min(bytes.length, at + cut);
        counter.push(bytes.subarray(at, end), end - at);
        at = end;
      }
      counter.push(bytes.subarray(at), bytes.length - at);
      expect(counter.points).toBe(kinds.filter((kind) => typeof kind === 'number').length);
      expect(counter.batches).toBe(kinds.filter((kind) => kind === 'end').length);
      const wanted = frames.filter((_, index) => ['keepalive', 'error'].includes(String(kinds[index])));
      expect(controls.map((payload) => payload.length)).toEqual(
        wanted.map((frame) => frame.length - (frame.length > 128 ? 2 : 1)),
      );
    }),
    { numRuns: 200 },
  );
});
