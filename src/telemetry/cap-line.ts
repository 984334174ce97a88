/** Kapacitor reads a UDF's standard error line by line and stops for good at 64 KiB; this stays far below. */
export const maxLineBytes = 16 * 1024;

/** Characters that are left of each string in a line that is too long, tried in turn. */
const stringLengths = [4096, 1024, 256, 64];

/** A line of JSON as it is, or one of at most 16 KiB that is valid JSON too: its long strings are shortened. */
export function capLine(line: string): string {
  // A character takes at most three bytes in UTF-8 (of a surrogate pair, each half two).
  if (line.length * 3 <= maxLineBytes || Buffer.byteLength(line) <= maxLineBytes) return line;
  const entry = JSON.parse(line) as Readonly<Record<string, unknown>>; // a line is what pino made of an object
  for (const length of stringLengths) {
    const shorter = `${JSON.stringify(entry, (_key, value) => shorten(value, length))}\n`;
    if (Buffer.byteLength(shorter) <= maxLineBytes) return shorter;
  }
  // Not its strings but their number, or its keys, make it long: what every line has must do.
  const { level, time, msg } = entry;
  return `${JSON.stringify({ level, time, msg: shorten(msg, 1024), truncated: line.length })}\n`;
}

function shorten(value: unknown, length: number): unknown {
  if (typeof value !== 'string' || value.length <= length) return value;
  return `${value.slice(0, length)}... (${value.length - length} more characters)`;
}
