import leven from 'leven';

/**
 * The known name that is most similar to a mistyped one; `undefined` if none is. A third of the letters, rounded up,
 * may differ: two of five, because two swapped letters count as two differences.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  return known
    .map((candidate) => ({ candidate, distance: leven(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= Math.ceil(name.length / 3))
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** A count with its noun: `1 point`, `1,000 points`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** Joins words by spaces into lines of at most `width` characters; a longer word has a line of its own. */
export function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Max bytes of an error's text: Kapacitor stores it with the task and logs it as one line. */
export const maxErrorBytes = 8 * 1024;

/** Cuts a text to at most `maxBytes` of UTF-8, between characters; a note at its end gives the original length. */
export function capText(text: string, maxBytes = maxErrorBytes): string {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  const note = `... (${text.length} characters in all)`;
  let end = Math.min(text.length, maxBytes);
  // A character takes at most three bytes, so cutting a third of the excess never cuts too much.
  while (Buffer.byteLength(text.slice(0, end)) + note.length > maxBytes) {
    const excess = Buffer.byteLength(text.slice(0, end)) + note.length - maxBytes;
    end -= Math.max(1, Math.floor(excess / 3));
  }
  const last = text.charCodeAt(end - 1);
  const isHalf = last >= 0xd800 && last < 0xdc00; // a high surrogate: its other half is cut off
  return text.slice(0, isHalf ? end - 1 : end) + note;
}

// C0 and C1 but for tab and newline, separators that some terminals take for newlines, and marks that turn the direction of text.
const controls =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Replaces characters that a terminal obeys instead of showing them, as in an error's text from a server: `\u001b`. Tabs and newlines
 * stay. JSON remains JSON of the same value.
 */
export function escapeControls(text: string): string {
  return text.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
