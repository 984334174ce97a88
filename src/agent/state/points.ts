import { UdfError } from '../../model/errors.js';
import { setEntry } from '../../model/values.js';
import { LazyBatch } from '../../wire/lazy-batch.js';
import { LazyPoint } from '../../wire/point/lazy-point.js';

/** A point is stored as an object with its frame under this key. */
const frameKey = 'kapacitor-udf point';

/**
 * Copies a state with its points copyReplacing by plain data, as structured clone cannot keep them. `undefined` if it holds no
 * points. Throws `handler` for a batch, which a state cannot hold.
 */
export function packPoints(state: unknown): unknown {
  let found = 0;
  const packed = copyReplacing(state, (value) => {
    if (value instanceof LazyBatch) {
      throw new UdfError('handler', 'the state cannot be stored: it holds a batch; keep its points');
    }
    if (!(value instanceof LazyPoint)) return undefined;
    found++;
    return { [frameKey]: Uint8Array.from(value.frameBytes()) };
  });
  return found > 0 ? packed : undefined;
}

/** Reverses `packPoints`. Throws the error that `damaged` creates if a point's frame is invalid. */
export function unpackPoints(state: unknown, damaged: () => Error): unknown {
  return copyReplacing(state, (value) => {
    if (!Object.hasOwn(value, frameKey)) return undefined;
    const bytes: unknown = (value as Readonly<Record<string, unknown>>)[frameKey];
    const point = bytes instanceof Uint8Array ? LazyPoint.fromWholeFrame(Buffer.from(bytes)) : undefined;
    if (!point) throw damaged();
    return point;
  });
}

/**
 * Copies plain data; objects for which `replacement` returns a value are copyReplacing by it. Shared and circular references
 * are kept.
 */
function copyReplacing(data: unknown, replacement: (value: object) => unknown): unknown {
  const seen = new Map<object, unknown>();
  const keep = <Copy extends object>(value: object, copy: Copy): Copy => {
    seen.set(value, copy);
    return copy;
  };
  const visit = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const substitute = replacement(value);
    if (substitute !== undefined) return keep(value, substitute as object);
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
