import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeMessage, decodeToHost, encodeMessage } from '../../../src/host/remote/messages.js';
import type { ServeSettings } from '../../../src/host/isolation/worker/worker-port.js';
import { defaultLimits } from '../../../src/agent/limits.js';

const settings: ServeSettings = {
  udf: 'mirror',
  defaults: { onError: 'drop', groupTtl: 5n },
  limits: defaultLimits,
  keepsLetters: true,
  time: 1_514_979_051_065_000_000n,
  newerThan: { epoch: 1, run: 2, sequence: 3 },
  sequentialBytes: 7,
  refused: [{ kind: 1, number: 77, reason: 'twice' }],
};

test('the settings of a session come as they were sent', () => {
  expect(decodeToHost(encodeMessage({ kind: 'serve', settings }))).toEqual({ kind: 'serve', settings });
  const given: ServeSettings = { ...settings, time: undefined, newerThan: undefined };
  expect(decodeToHost(encodeMessage({ kind: 'serve', settings: given }))).toEqual({
    kind: 'serve',
    settings: given,
  });
});

test('details of a log line keep what JSON does not know, and names that look like it', () => {
  const value = fc.anything({
    withBigInt: true,
    withTypedArray: false,
    maxDepth: 3,
    key: fc.constantFrom('a', '$bigint', '$entries'),
  });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('a', 'b', '$bytes'), value), (details) => {
      const message = {
        kind: 'log',
        level: 'info',
        message: '',
        begun: NaN,
        isRefusal: false,
        details,
      } as const;
      const decoded = decodeMessage(encodeMessage(message));
      // What JSON leaves out is left out.
      const withoutUndefined = (part: unknown): unknown =>
        typeof part === 'object' && part !== null
          ? Array.isArray(part)
            ? part.map((item) => withoutUndefined(item) ?? null)
            : Object.fromEntries(
                Object.entries(part)
                  .filter(([, item]) => item !== undefined)
                  .map(([key, item]) => [key, withoutUndefined(item)]),
              )
          : Object.is(part, -0)
            ? 0
            : part;
      expect(decoded).toEqual({ ...message, details: withoutUndefined(details) });
    }),
  );
});

test('details that contain themselves end somewhere', () => {
  const details: Record<string, unknown> = { name: 'ring' };
  details.self = details;
  const text = encodeMessage({
    kind: 'log',
    level: 'info',
    message: '',
    begun: 0,
    isRefusal: false,
    details,
  }).toString();
  expect(text).toContain('…');
});

test.each([
  ['no JSON', 'x'],
  ['no object', '7'],
  ['no kind', '{}'],
  ['an unknown kind', '{"kind":"exec"}'],
  ['settings without limits', '{"kind":"serve","settings":{"udf":"mirror"}}'],
  ['a number that is none', '{"kind":"serve","settings":{"time":{"$bigint":"x"}}}'],
])('a message of a proxy with %s is refused', (_what, text) => {
  expect(() => decodeToHost(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'malformed' }));
});

test('a limit that is none is refused', () => {
  const message = {
    kind: 'serve',
    settings: { ...settings, limits: { ...defaultLimits, inputBytes: -1 } },
  } as const;
  expect(() => decodeToHost(encodeMessage(message))).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});
