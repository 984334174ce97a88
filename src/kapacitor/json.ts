import { randomUUID } from 'node:crypto';

/** Unique prefix of the strings that stand for large integers while JSON is parsed or formatted. */
const marker = `int64:${randomUUID()}:`;

/** A string, matched so that its digits are skipped, or a number. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const integer = /^-?\d+$/;

/**
 * Parses JSON with exact integers: those beyond 2^53 become `bigint`, all other numbers `number`. Throws `SyntaxError`.
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

/** Formats JSON with a `bigint` as an integer. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' ? `${marker}${item}` : item,
  ).replace(markedInteger, '$1');
}
