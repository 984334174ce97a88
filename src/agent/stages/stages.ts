import { damaged } from '../state/parts.js';
import type { SnapshotStage } from '../state/snapshot.js';
import { ReorderBuffer } from './reorder-buffer.js';
import { packEntry, unpackEntry } from './reorder-snapshot.js';
import { type RepeatBounds, RepeatFilter } from './repeat-filter.js';

/** Entries of one part of a snapshot. */
const entriesPerPart = 2048;

export interface StageOptions {
  /** How long points wait to be put in order, in nanoseconds of their own time; `undefined` if they do not. */
  readonly reorder: bigint | undefined;
  /** `undefined` if repeated points are not dropped. */
  readonly distinct: RepeatBounds | undefined;
  readonly maxReorderBytes: number;
  readonly count: (counter: string) => void;
  /** Called when a restored snapshot makes a stage active. */
  readonly activated: () => void;
}

/** What the runtime does with the points of a stream before the UDF gets them: `.distinct()` and `.reorder()`. */
export class Stages {
  readonly repeats: RepeatFilter | undefined;
  reorder: ReorderBuffer | undefined;
  readonly #options: StageOptions;

  constructor(options: StageOptions) {
    const { reorder, distinct } = options;
    this.#options = options;
    this.repeats = distinct && new RepeatFilter(distinct);
    this.reorder = reorder === undefined ? undefined : this.#createReorder(reorder);
  }

  get isActive(): boolean {
    return this.repeats !== undefined || this.reorder !== undefined;
  }

  /** What a snapshot holds of these stages. */
  get snapshots(): readonly SnapshotStage[] {
    return [reorderSnapshot(this), ...(this.repeats ? [repeatsSnapshot(this.repeats)] : [])];
  }

  /** For points that wait in a snapshot of a use with `.reorder()`, where this one has none: they are not lost. */
  requireReorder(): ReorderBuffer {
    if (!this.reorder) {
      this.reorder = this.#createReorder(0n);
      this.#options.activated();
    }
    return this.reorder;
  }

  #createReorder(wait: bigint): ReorderBuffer {
    const { count, maxReorderBytes } = this.#options;
    return new ReorderBuffer(wait, maxReorderBytes, {
      late: () => {
        count('reorderLate');
      },
      early: () => {
        count('reorderEarly');
      },
    });
  }
}

function reorderSnapshot(stages: Stages): SnapshotStage {
  return {
    name: 'reorder',
    *parts() {
      for (const entries of chunks(stages.reorder?.entries() ?? [])) yield entries.map(packEntry);
    },
    restore(part) {
      for (const entry of listIn(part)) stages.requireReorder().restore(unpackEntry(listIn(entry)));
    },
    clear() {
      stages.reorder?.clear();
    },
  };
}

function repeatsSnapshot(repeats: RepeatFilter): SnapshotStage {
  return {
    name: 'distinct',
    *parts() {
      yield* chunks(repeats.entries());
    },
    restore(part) {
      for (const entry of listIn(part)) {
        const [id, points] = listIn(entry);
        if (typeof id !== 'string' || !isRemembered(points)) throw damaged();
        repeats.restore(id, points);
      }
    },
    clear() {
      repeats.clear();
    },
  };
}

function isRemembered(value: unknown): value is Map<string, bigint> {
  if (!(value instanceof Map)) return false;
  for (const [key, time] of value as Map<unknown, unknown>) {
    if (typeof key !== 'string' || typeof time !== 'bigint') return false;
  }
  return true;
}

function listIn(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged();
  return value as readonly unknown[];
}

function* chunks<Entry>(entries: Iterable<Entry>): Generator<Entry[]> {
  let chunk: Entry[] = [];
  for (const entry of entries) {
    if (chunk.push(entry) < entriesPerPart) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
