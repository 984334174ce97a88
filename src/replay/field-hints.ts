import type { Batch } from '../model/batch.js';
import type { AnyPoint, Point } from '../model/point.js';
import { nearestName } from '../model/text.js';
import type { OptionCall } from '../model/option-call.js';

/** Points whose field names are collected for hints. */
const maxSampledPoints = 1_000;

/** Finds options that name a field that no input point has. */
export class FieldHints {
  #missing: { readonly option: string; readonly field: string }[];
  readonly #known = new Set<string>();
  #points = 0;

  constructor(calls: readonly OptionCall[]) {
    this.#missing = calls
      .filter(({ name }) => /^fields?$|Fields?$/.test(name))
      .flatMap(({ name, args }) => args.map(({ value }) => ({ option: name, field: String(value) })));
  }

  /** Adds a point or batch of the input. No-op once every named field was found. */
  add(item: Point | Batch): void {
    if (this.#missing.length === 0) return;
    for (const point of 'points' in item ? item.points : [item]) this.#addPoint(point);
  }

  /** Returns a sentence per option whose field no point had; empty without points. */
  list(): string[] {
    if (this.#points === 0) return [];
    const known = [...this.#known].sort();
    return this.#missing.map(({ option, field }) => {
      const near = nearestName(field, known);
      const hint = near === undefined ? `they have ${known.join(', ')}` : `did you mean ${near}?`;
      return `option ${option}: no point has a field ${field} (${hint})`;
    });
  }

  #addPoint(point: AnyPoint): void {
    this.#missing = this.#missing.filter(({ field }) => point.field(field) === undefined);
    if (this.#points++ >= maxSampledPoints) return;
    for (const name of Object.keys(point.fields)) this.#known.add(name);
  }
}
