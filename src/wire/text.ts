import { textOf } from './checks.js';
import { viewToRead } from './view.js';
import { copyWords, equalWords, hashWords, wordsIn } from './words.js';

/**
 * Interns short strings.
 *
 * The same few strings (field names, tag values, states such as SHOWTIME) come with nearly every point. Decoding UTF-8
 * in V8 costs about ten times as much as comparing the bytes with those of a known string, and a million groups that
 * keep the same string in their state share its memory. ASCII strings of up to `maxLength` bytes are kept in a hash
 * table of fixed size, with their bytes as words; on a collision the newer string replaces the older. A stream of
 * ever-new strings makes the table useless but never larger.
 */
const tableSize = 4096;
const maxLength = 48;
const maxWords = wordsIn(maxLength);
const texts: string[] = new Array<string>(tableSize).fill('');
const textWords = new Int32Array(tableSize * maxWords);

/** The UTF-8 text in `buf[start..end)`; invalid sequences become U+FFFD. */
export function readText(buf: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 0) return '';
  if (length > maxLength) return buf.toString('utf8', start, end);
  const view = viewToRead(buf);
  const slot = hashWords(view, start, length, 0) & (tableSize - 1);
  const known = texts[slot]!;
  // Only ASCII strings are kept: they have as many characters as bytes.
  if (known.length === length && equalWords(textWords, slot * maxWords, view, start, length)) return known;
  const text = buf.toString('utf8', start, end);
  if (text.length === length && isAscii(text)) {
    texts[slot] = text;
    copyWords(textWords, slot * maxWords, view, start, length);
  }
  return text;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

/**
 * The UTF-8 bytes of field and tag names. At `maxNames` entries the map is emptied, so that a UDF which makes up names
 * per point cannot grow it.
 */
const maxNames = 4096;
const names = new Map<string, Uint8Array<ArrayBuffer>>();
/** The last two names: most UDFs use one or two, and comparing strings is faster than a lookup in the map. */
let lastName = '';
let lastBytes = new Uint8Array(0);
let otherName = lastName;
let otherBytes = lastBytes;

/**
 * A name's UTF-8 bytes, which the caller must not change. Throws `invalid_argument` naming `what` if it is not a
 * string.
 */
export function nameBytes(name: string, what = "a field's name"): Uint8Array {
  if (name === lastName) return lastBytes;
  if (name === otherName) return otherBytes;
  const bytes = lookUp(name, what); // before the names below change: it may throw
  otherName = lastName;
  otherBytes = lastBytes;
  lastName = name;
  lastBytes = bytes;
  return bytes;
}

function lookUp(name: string, what: string): Uint8Array<ArrayBuffer> {
  let bytes = names.get(name);
  if (bytes === undefined) {
    bytes = Buffer.from(textOf(name, what), 'utf8');
    if (names.size >= maxNames) names.clear();
    if (name.length <= 256) names.set(name, bytes);
  }
  return bytes;
}

/** Writes text as UTF-8 at `at` and returns where it ends. The caller ensures room: three bytes per character. */
export function writeText(buf: Buffer, at: number, text: string): number {
  const { length } = text;
  // A loop is faster than the call into V8's native writer up to this length.
  if (length > 32) return at + buf.write(text, at);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return at + buf.write(text, at);
    buf[at + index] = code;
  }
  return at + length;
}
