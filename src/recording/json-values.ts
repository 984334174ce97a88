import { messageOf, UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import { setEntry, type Tags } from '../model/values.js';

/** A JSON object whose members are not checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function malformed(message: string): UdfError {
  return new UdfError('malformed', message);
}

/** The object that a line holds. Throws `malformed`. */
export function parseObject(text: string): JsonObject {
  return objectOf(parseJson(text), 'a line');
}

/** Throws `malformed`. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UdfError('malformed', `it is not JSON: ${messageOf(cause)}`, { cause });
  }
}

export function objectOf(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw malformed(`${what} must be an object, and is ${shown(value)}`);
}

/** A string; empty if absent. Throws `malformed`. */
export function textOf(value: unknown, what: string): string {
  return optionalText(value, what) ?? '';
}

export function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw malformed(`${what} must be text, and is ${shown(value)}`);
}

export function tagsOf(value: unknown, what: string): Tags {
  const tags: Record<string, string> = {};
  if (value === undefined || value === null) return tags;
  for (const [key, tag] of Object.entries(objectOf(value, what))) {
    if (key === '') throw malformed('a tag has no name');
    setEntry(tags, key, textOf(tag, `tag "${key}"`));
  }
  return tags;
}

/** Throws `malformed` for a key that is not one of these. */
export function checkKeys(object: JsonObject, what: string, known: readonly string[]): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    const meant = near === undefined ? '' : ` (did you mean "${near}"?)`;
    throw malformed(`${what} has the unknown key ${shown(key)}${meant}; known are ${known.join(', ')}`);
  }
}

/**
 * The digits of a member that is a number, for each object or array at a nesting level of JSON (the outermost is 1): a
 * JavaScript number may have lost some. `undefined` where the member is absent. The text must be valid JSON.
 */
export function numberTexts(text: string, member: string, level: number): readonly (string | undefined)[] {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs;
  let depth = 0;
  const found: (string | undefined)[] = [];
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [part] = match;
    if (part === '{' || part === '[') {
      if (++depth === level) found.push(undefined);
    } else if (part === '}' || part === ']') depth--;
    else if (depth === level) {
      const value = /^\s*:\s*(-?\d[^\s,}]*)/.exec(text.slice(token.lastIndex, token.lastIndex + 64))?.[1];
      // The last of duplicates wins, as in JSON.parse.
      if (value !== undefined && JSON.parse(part) === member) found[found.length - 1] = value;
    }
  }
  return found;
}

/** The name of an item. Throws `malformed` if it is empty. */
export function nameOf(value: unknown): string {
  const name = textOf(value, 'name');
  if (name === '') throw malformed('it has no name');
  return name;
}

/** Returns a finite number. Throws `malformed` for one beyond a double's range, which JSON.parse makes infinite. */
export function doubleOf(key: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw malformed(`field "${key}" is beyond what a double holds`);
}

/** The points of a batch; empty if absent. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw malformed(`points must be a list, and is ${shown(value)}`);
}

export function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 60);
}

/** A finite double as JSON; unlike `JSON.stringify` it keeps the sign of zero. */
export function jsonNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** A JSON object of members that are JSON already. */
export function jsonObject(members: readonly (readonly [key: string, json: string])[]): string {
  return `{${members.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

export function jsonTags(tags: Tags): string {
  return jsonObject(Object.entries(tags).map(([key, value]) => [key, JSON.stringify(value)]));
}
