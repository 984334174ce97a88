import { messageOf, UdfError } from '../model/errors.js';
import { setEntry, type Tags } from '../model/values.js';

/** A JSON object whose members nobody has looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function wrong(message: string): UdfError {
  return new UdfError('malformed', message);
}

/** The object that a line holds. Throws `malformed`. */
export function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UdfError('malformed', `it is no JSON: ${messageOf(cause)}`, { cause });
  }
  return objectOf(value, 'a line');
}

export function objectOf(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw wrong(`${what} must be an object, and is ${shown(value)}`);
}

/** A text; empty if it is not there. */
export function textOf(value: unknown, what: string): string {
  return optionalText(value, what) ?? '';
}

export function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw wrong(`${what} must be text, and is ${shown(value)}`);
}

export function tagsOf(value: unknown, what: string): Tags {
  const tags: Record<string, string> = {};
  if (value === undefined || value === null) return tags;
  for (const [key, tag] of Object.entries(objectOf(value, what)))
    setEntry(tags, key, textOf(tag, `tag "${key}"`));
  return tags;
}

/** The points of a batch; none if they are not there. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw wrong(`points must be a list, and is ${shown(value)}`);
}

export function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 60);
}

/** A finite double as JSON; unlike `JSON.stringify` it keeps the sign of zero. */
export function jsonNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** An object as JSON, of members that are JSON. */
export function jsonObject(members: readonly (readonly [key: string, json: string])[]): string {
  return `{${members.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

export function jsonTags(tags: Tags): string {
  return jsonObject(Object.entries(tags).map(([key, value]) => [key, JSON.stringify(value)]));
}
