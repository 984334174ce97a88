import { UdfError } from '../model/errors.js';

// Checks of arguments whose types JavaScript does not enforce. Each throws `invalid_argument`. Unchecked, a wrong value
// would be written as another one (the characters of a string as dimensions), or silently left out.

/** Text as it is. Throws `invalid_argument` naming `what` if it is not a string. */
export function textOf(text: unknown, what: string): string {
  if (typeof text === 'string') return text;
  throw wrongType(what, 'a string', text);
}

/** A tag's value as it is. Throws `invalid_argument` if it is not a string. */
export function tagOf(key: string, value: unknown): string {
  return typeof value === 'string' ? value : textOf(value, `tag "${key}"`);
}

/** A name as it is. Throws `invalid_argument` naming `what` if it is empty. */
export function nonEmpty(name: string, what: string): string {
  if (name === '') throw new UdfError('invalid_argument', `${what} must not be empty`);
  return name;
}

/** Throws `invalid_argument` unless these are fields or tags in an object, each with a name that is not empty. */
export function checkNames(kind: 'field' | 'tag', given: unknown): void {
  checkRecord(`${kind}s`, given);
  if (Object.hasOwn(given, '')) nonEmpty('', `a ${kind}'s name`);
}

/**
 * Throws `invalid_argument` unless the fields or tags are properties of an object. The entries of a Map and the values
 * of a point are not own properties and would be left out; an array's would be named 0, 1, ….
 */
export function checkRecord(what: string, given: unknown): asserts given is object {
  if (typeof given === 'object' && given !== null) {
    // One comparison for an object literal, since this runs for each point whose fields are changed.
    const prototype: unknown = Object.getPrototypeOf(given);
    if (prototype === Object.prototype || prototype === null || isOwnRecord(given, prototype)) return;
  }
  throw wrongType(what, 'an object', given);
}

/** An object literal of another realm, or an instance of a class that keeps its values as properties. */
function isOwnRecord(given: object, prototype: unknown): boolean {
  if (Object.getPrototypeOf(prototype) === null) return true;
  return !(Symbol.iterator in given) && Object.keys(given).length > 0;
}

/**
 * Throws `invalid_argument` naming `what` unless it is an array: a string is iterable, and would be read as one item
 * per character.
 */
export function checkArray(what: string, given: unknown): void {
  if (!Array.isArray(given)) throw wrongType(what, 'an array', given);
}

export function checkBoolean(what: string, given: unknown): void {
  if (typeof given !== 'boolean') throw wrongType(what, 'a boolean', given);
}

/** The error for a value of the wrong type: `dimensions must be an array, got string`. */
export function wrongType(what: string, wanted: string, got: unknown): UdfError {
  return new UdfError('invalid_argument', `${what} must be ${wanted}, got ${typeName(got)}`);
}

/** A value's type, or the class of an object: `number`, `null`, `an array`, `a Map`. */
function typeName(value: unknown): string {
  if (typeof value !== 'object') return typeof value;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  const { constructor } = value as { readonly constructor?: unknown };
  return typeof constructor === 'function' && constructor !== Object ? `a ${constructor.name}` : 'object';
}
