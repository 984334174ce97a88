import { randomUUID } from 'node:crypto';

/** Begins the strings that stand for large integers while JSON is read or written; no other string begins so. */
const marker = `int64:${randomUUID()}:`;

/** A string, whose digits are no number, or a number. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const integer = /^-?\d+$/;

/**
 * Reads JSON with integers exact: those beyond 2^53 become `bigint`, all other numbers `number`. Throws `SyntaxError`.
 */
export function parseJson(text: string): unknown {
  const marked = text.replace(stringOrNumber, (found) =>
    integer.test(found) && !Number.isSafeInteger(Number(found)) ? `"${marker}${found}"` : found,
  );
  if (marked === text) return JSON.parse(text);
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(marker) ? BigInt(value.slice(marker.length)) : value,
  );
}

const markedInteger = new RegExp(`"${marker}(-?\\d+)"`, 'g');

/** Writes JSON with a `bigint` as an integer. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' ? `${marker}${item}` : item,
  ).replace(markedInteger, '$1');
}
