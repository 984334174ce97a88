import { LazyPoint } from '../../wire/point/lazy-point.js';

/** An object in a state whose class a snapshot would lose. */
export interface ClassInstance {
  /** Its path in the state, such as `state.window`. */
  readonly path: string;
  readonly className: string;
}

/** Max objects of one state that are checked, to bound the time for large states. */
const maxObjects = 1000;

/** Prototypes of objects that a snapshot restores unchanged. */
const preservedPrototypes: ReadonlySet<unknown> = new Set([
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

/** Finds an object of a class among the first `maxObjects` objects of a state. */
export function classInstanceIn(state: unknown): ClassInstance | undefined {
  const seen = new Set<unknown>([state]);
  const paths = new Map<unknown, string>([[state, 'state']]);
  for (const object of seen) {
    if (seen.size > maxObjects) return undefined;
    if (typeof object !== 'object' || object === null) continue;
    const path = paths.get(object)!; // set when the object was added to `seen`
    const prototype: unknown = Object.getPrototypeOf(object);
    if (!preservedPrototypes.has(prototype) && !ArrayBuffer.isView(object)) {
      const { name } = (object as { readonly constructor: { readonly name: string } }).constructor;
      return { path, className: name };
    }
    if (object instanceof LazyPoint || ArrayBuffer.isView(object)) continue;
    for (const [suffix, child] of childrenOf(object)) {
      if (typeof child !== 'object' || child === null || seen.has(child)) continue;
      seen.add(child);
      paths.set(child, path + suffix);
      if (seen.size > maxObjects) break;
    }
  }
  return undefined;
}

/** The path of a value that nothing can store, such as `.list[0].f`, from `value` on; `undefined` if none is found. */
export function unstorablePath(value: unknown): string | undefined {
  const paths = new Map<unknown, string>([[value, '']]);
  for (const [object, path] of paths) {
    if (paths.size > maxObjects) return undefined;
    const isUnstorable =
      typeof object === 'function' ||
      typeof object === 'symbol' ||
      object instanceof Promise ||
      object instanceof WeakMap ||
      object instanceof WeakSet;
    if (isUnstorable) return path;
    if (typeof object !== 'object' || object === null || object instanceof LazyPoint) continue;
    if (ArrayBuffer.isView(object)) continue;
    for (const [suffix, child] of childrenOf(object)) {
      if (!paths.has(child)) paths.set(child, path + suffix);
    }
  }
  return undefined;
}

/** The values inside an object, each with its path from there. */
function* childrenOf(object: object): Generator<readonly [suffix: string, child: unknown]> {
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
