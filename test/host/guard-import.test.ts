import { expect, test } from 'vitest';
import { guardImport } from '../../src/host/guard-import.js';

test('an import that succeeds or fails in time is as without a guard', async () => {
  const before: unknown = Reflect.get(process, 'exit');
  const listeners = process.listenerCount('beforeExit');
  expect(await guardImport('m', () => Promise.resolve(1))).toBe(1);
  await expect(guardImport('m', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(Reflect.get(process, 'exit')).toBe(before);
  expect(process.listenerCount('beforeExit')).toBe(listeners);
});

test('an import that takes too long fails, with what to do', async () => {
  const alive = setInterval(() => undefined, 1_000);
  await expect(guardImport('m', () => new Promise(() => undefined), 20)).rejects.toThrow(
    'it is not loaded after 0.02 s: a top-level await takes too long; await in a handler instead',
  );
  clearInterval(alive);
});

test('process.exit fails all imports under way, and is itself again when the last one has ended', async () => {
  const before: unknown = Reflect.get(process, 'exit');
  const first = guardImport('one', () => new Promise(() => undefined)).catch(String);
  const second = guardImport('two', async () => {
    await Promise.resolve();
    process.exit(3);
  }).catch(String);
  expect(await second).toContain('it calls process.exit(3) while it is loaded; remove the call');
  expect(await first).toContain('it calls process.exit(3) while it is loaded; remove the call');
  expect(Reflect.get(process, 'exit')).toBe(before);
});
