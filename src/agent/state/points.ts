import { UdfError } from '../../model/errors.js';
import { setEntry } from '../../model/values.js';
import { LazyBatch } from '../../wire/lazy-batch.js';
import { LazyPoint } from '../../wire/point/lazy-point.js';

/** A point among plain data: its frame under this name. */
const marker = 'kapacitor-udf point';

/**
 * Plain data in the place of the points in a state: structured clone would make objects without methods of them.
 * `undefined` if there are none. Throws `handler` for a batch, which has no form that it could be kept in.
 */
export function packPoints(state: unknown): unknown {
  let found = 0;
  const packed = replaced(state, (value) => {
    if (value instanceof LazyBatch) {
      throw new UdfError('handler', 'the state cannot be stored: it holds a batch; keep its points');
    }
    if (!(value instanceof LazyPoint)) return undefined;
    found++;
    return { [marker]: Uint8Array.from(value.frameBytes()) };
  });
  return found > 0 ? packed : undefined;
}

/** The points in their places again; `damaged` if there is something else where one should be. */
export function unpackPoints(state: unknown, damaged: () => Error): unknown {
  return replaced(state, (value) => {
    if (!Object.hasOwn(value, marker)) return undefined;
    const bytes: unknown = (value as Readonly<Record<string, unknown>>)[marker];
    const point = bytes instanceof Uint8Array ? LazyPoint.fromWholeFrame(Buffer.from(bytes)) : undefined;
    if (!point) throw damaged();
    return point;
  });
}

/** A copy of plain data in which some objects are replaced; what stands in several places does so again. */
function replaced(data: unknown, replacement: (value: object) => unknown): unknown {
  const seen = new Map<object, unknown>();
  const keep = <Copy extends object>(value: object, copy: Copy): Copy => {
    seen.set(value, copy);
    return copy;
  };
  const visit = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const instead = replacement(value);
    if (instead !== undefined) return keep(value, instead as object);
    if (Array.isArray(value)) {
      const copy = keep(value, [] as unknown[]);
      for (const item of value) copy.push(visit(item));
      return copy;
    }
    if (value instanceof Map) {
      const copy = keep(value, new Map<unknown, unknown>());
      for (const [key, item] of value as Map<unknown, unknown>) copy.set(visit(key), visit(item));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(value, new Set<unknown>());
      for (const item of value as Set<unknown>) copy.add(visit(item));
      return copy;
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const copy = keep(value, {});
    for (const [key, item] of Object.entries(value)) setEntry(copy, key, visit(item));
    return copy;
  };
  return visit(data);
}
