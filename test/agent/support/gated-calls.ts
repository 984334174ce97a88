import { setImmediate as turn } from 'node:timers/promises';
import { defineUdf, type FieldValue, type Point } from 'kapacitor-udf';
import { expect, vi } from 'vitest';
import type { KapacitorPeer } from '../../../src/peer/interface.js';

/** Calls of a handler that end when the test says so. */
export class Gates {
  readonly #waiting = new Map<string, () => void>();
  /** The calls that are under way, in the order in which they began. */
  get open(): string[] {
    return [...this.#waiting.keys()];
  }

  pass(key: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(key, resolve);
    });
  }

  end(...keys: readonly string[]): void {
    for (const key of keys) {
      const resolve = this.#waiting.get(key);
      if (!resolve) throw new Error(`${key} is not under way, but ${this.open.join(', ')}`);
      this.#waiting.delete(key);
      resolve();
    }
  }
}

export interface Settings {
  readonly concurrency?: number;
  readonly ordered?: 'group' | 'all';
  readonly callTimeoutMs?: number;
  readonly onError?: 'stop' | 'drop' | 'pass';
}

/** Emits each point, with its number in its group, when its gate opens. */
export function gated(gates: Gates, settings: Settings = { concurrency: 4 }) {
  return defineUdf({
    name: 'gated',
    wants: 'stream',
    provides: 'stream',
    ...settings,
    state: () => ({ count: 0 }),
    async point(point, { state }) {
      await gates.pass(keyOf(point));
      if (point.fields.fail === true) throw new Error('no answer');
      return point.withFields({ count: ++state.count });
    },
  });
}

export function keyOf(point: Point): string {
  return `${point.tags.host}${point.time}`;
}

export function send(kapacitor: KapacitorPeer, ...keys: readonly string[]): void {
  for (const key of keys) sendPoint(kapacitor, key);
}

export function sendPoint(
  kapacitor: KapacitorPeer,
  key: string,
  fields: Readonly<Record<string, FieldValue>> = { v: 1 },
): void {
  const tags = { host: key[0]! };
  kapacitor.point({ time: BigInt(key.slice(1)), name: 'cpu', tags, dimensions: ['host'], fields });
}

/** What has come back, as `a1` for the group a at time 1. */
export function received({ points }: Pick<KapacitorPeer, 'points'>): string[] {
  return points.map((point) => keyOf(point));
}

/** Waits until exactly these calls are under way. */
export async function under(gates: Gates, ...keys: readonly string[]): Promise<void> {
  await vi.waitFor(() => {
    expect(gates.open).toEqual(keys);
  });
}

export async function turns(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}
