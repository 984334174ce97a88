import { LazyPoint } from '../../wire/point/lazy-point.js';

/** An object in a state that a snapshot keeps without its class. */
export interface ClassInstance {
  /** Where it is, such as `state.window`. */
  readonly path: string;
  readonly className: string;
}

/** Objects that are looked at: enough for any state's shape, and bounded for a large one. */
const maxObjects = 1000;

/** What structured clone brings back as it was, besides plain objects. */
const kept: ReadonlySet<unknown> = new Set([
  Object.prototype,
  null,
  Array.prototype,
  Map.prototype,
  Set.prototype,
  Date.prototype,
  RegExp.prototype,
  ArrayBuffer.prototype,
  DataView.prototype,
  Buffer.prototype,
  LazyPoint.prototype,
  ...[Boolean, Number, String, BigInt, Error, RangeError, TypeError].map(
    ({ prototype }) => prototype as unknown,
  ),
]);

/** The first object of a class in a state, if there is one among its first thousand objects. */
export function classInstanceIn(state: unknown): ClassInstance | undefined {
  const seen = new Set<unknown>([state]);
  const paths = new Map<unknown, string>([[state, 'state']]);
  for (const object of seen) {
    if (seen.size > maxObjects) return undefined;
    if (typeof object !== 'object' || object === null) continue;
    const path = paths.get(object)!; // set with each
    const prototype: unknown = Object.getPrototypeOf(object);
    if (!kept.has(prototype) && !ArrayBuffer.isView(object)) {
      const { name } = (object as { readonly constructor: { readonly name: string } }).constructor;
      return { path, className: name };
    }
    if (object instanceof LazyPoint || ArrayBuffer.isView(object)) continue;
    for (const [place, child] of childrenOf(object)) {
      if (typeof child !== 'object' || child === null || seen.has(child)) continue;
      seen.add(child);
      paths.set(child, path + place);
      if (seen.size > maxObjects) break;
    }
  }
  return undefined;
}

/** What is in an object, each with where it stands. */
function* childrenOf(object: object): Generator<readonly [place: string, child: unknown]> {
  if (object instanceof Map) {
    for (const [key, value] of object as Map<unknown, unknown>) {
      yield ['.keys()', key];
      yield [typeof key === 'string' ? `.get(${JSON.stringify(key)})` : '.values()', value];
    }
  } else if (object instanceof Set) {
    for (const value of object as Set<unknown>) yield ['.values()', value];
  } else {
    const entries = object as Readonly<Record<string, unknown>>;
    for (const key in entries) {
      yield [Array.isArray(object) ? `[${key}]` : `.${key}`, entries[key]];
    }
  }
}
