import { defineUdf } from 'kapacitor-udf';
import { packPart } from '../../../../src/agent/state/parts.js';
import type { LogLine } from '../../../../src/telemetry/memory-logger.js';
import { runUdf } from '../../../../src/testkit/run.js';
import type { UdfDefinition } from '../../../../src/udf/definition.js';

/** Counts the points of each group; `version` 2 keeps the count under another name. */
export function counter(
  name: string,
  version: 1 | 2,
  migrate?: (old: unknown, from: number) => { count: number },
): UdfDefinition {
  if (version === 1) {
    return defineUdf({
      name,
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point(point, { state, emit }) {
        emit(point.replaceFields({ seen: ++state.seen }));
      },
    });
  }
  return defineUdf({
    name,
    wants: 'stream',
    provides: 'stream',
    version,
    state: () => ({ count: 0 }),
    migrate: migrate ?? ((old) => ({ count: (old as { seen: number }).seen * 100 })),
    point(point, { state, emit }) {
      emit(point.replaceFields({ seen: ++state.count }));
    },
  });
}

export const first = counter('counter', 1);

/** The same with a state that needs format 4. */
export const withList: UdfDefinition = defineUdf({
  name: 'counter',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ seen: 0, list: ['text'] }),
  point(point, { state, emit }) {
    emit(point.replaceFields({ seen: ++state.seen }));
  },
});

/** A snapshot of a UDF that has had two points of one group. */
export async function snapshotOf(definition: UdfDefinition): Promise<Buffer> {
  const run = await runUdf(definition);
  await run.send('cpu v=1\ncpu v=1');
  const snapshot = await run.snapshot();
  await run.stop();
  return Buffer.from(snapshot);
}

/** What a UDF counts as its next point after it was given this snapshot, and what it logged. */
export async function after(
  definition: UdfDefinition,
  snapshot: Uint8Array,
): Promise<{ seen: unknown; errors: LogLine[] }> {
  const run = await runUdf(definition, { snapshot });
  const { points } = await run.send('cpu v=1');
  await run.stop();
  return { seen: points[0]?.field('seen'), errors: run.log.filter(({ level }) => level === 'error') };
}

/** A snapshot with these parts, each with a valid length and checksum. */
export function forged(...parts: readonly unknown[]): Buffer {
  return Buffer.concat([Buffer.from('KUDF\x01'), ...parts.flatMap(packPart)]);
}
