import { isUtf8 } from 'node:buffer';
import sax from 'sax';
import { UdfError } from '../../model/errors.js';

/** An element as its start tag gives it. */
export interface XmlElement {
  /** Its namespace; empty if it has none. */
  readonly uri: string;
  /** Its name without prefix. */
  readonly name: string;
  /** The value of an attribute without namespace. */
  attribute(name: string): string | undefined;
}

/** Receives the content of a document. What it throws ends the reading. */
export interface XmlHandler {
  open(element: XmlElement): void;
  /** Text, in pieces of at most about 64 KB. */
  text(text: string): void;
  close(name: string): void;
  /** The encoding that the XML declaration names. */
  encoding(label: string): void;
}

/** A document that is no well-formed XML, or exceeds a limit. Nothing can be read after it. */
export class MarkupError extends UdfError {
  constructor(message: string, options?: ErrorOptions) {
    super('malformed', message, options);
  }
}

/** A document that ends before its root element does. */
export class CutOffError extends MarkupError {}

/** Max elements inside one another; feeds have about ten. */
const maxDepth = 64;
/** Max characters of a tag, comment or declaration; the parser keeps them in memory. */
const maxMarkupCharacters = 256 * 1024;
/** Max characters given to the parser at once: it checks the size of its buffers in between. */
const sliceCharacters = 16 * 1024;

/** Known to the parser, not to its types: only the five entities of XML, none of HTML. */
const options: sax.SAXOptions & { readonly strictEntities: true } = { xmlns: true, strictEntities: true };

const notUtf8 = 'its bytes are not UTF-8; name its encoding, as in --encoding windows-1252';

/**
 * Parses XML in memory that does not grow with the document. Document type declarations are refused, so that there are no
 * entities but the five of XML: nothing is expanded or fetched. What precedes an error is passed to the handler first,
 * however the bytes are split into chunks.
 */
export class XmlReader {
  readonly #parser = sax.parser(true, options);
  readonly #handler: XmlHandler;
  /** The open elements and the lines of their start tags. */
  readonly #open: { readonly name: string; readonly line: number }[] = [];
  #hasRoot = false;
  /** Start of a character whose other bytes are in the next chunk. */
  #incomplete: Buffer = Buffer.alloc(0);
  #characters = 0;
  /** Characters read when the parser last reported anything. */
  #reported = 0;

  constructor(handler: XmlHandler) {
    this.#handler = handler;
    const parser = this.#parser;
    parser.onerror = ({ message }) => {
      throw new MarkupError(`no well-formed XML: ${message.split('\n', 1)[0]!}`);
    };
    parser.ondoctype = () => {
      throw new MarkupError('it has a document type declaration (<!DOCTYPE …>), which is refused; remove it');
    };
    parser.onopentag = (tag) => {
      this.#onOpen(tag as sax.QualifiedTag); // as `xmlns` is set
    };
    parser.onclosetag = () => {
      this.#reported = this.#characters;
      this.#handler.close(this.#open.pop()!.name); // the parser has matched the tags
    };
    parser.ontext = parser.oncdata = (text) => {
      this.#reported = this.#characters;
      if (this.#open.length > 0) this.#handler.text(text);
    };
    parser.oncomment = () => {
      this.#reported = this.#characters;
    };
    parser.onprocessinginstruction = ({ name, body }) => {
      this.#reported = this.#characters;
      const label = name === 'xml' ? /\bencoding\s*=\s*["']([^"']*)["']/.exec(body)?.[1] : undefined;
      if (label !== undefined) this.#handler.encoding(label);
    };
  }

  /** The line that the parser has reached, from 1. */
  get line(): number {
    return this.#parser.line + 1;
  }

  /** The column that the parser has reached, from 1. */
  get column(): number {
    return Math.max(1, this.#parser.column);
  }

  /** Throws `MarkupError`, and what the handler throws. */
  add(chunk: Buffer): void {
    let bytes = this.#incomplete.length === 0 ? chunk : Buffer.concat([this.#incomplete, chunk]);
    const end = bytes.length - incompleteBytes(bytes);
    this.#incomplete = bytes.subarray(end);
    bytes = bytes.subarray(0, end);
    if (isUtf8(bytes)) {
      this.#write(bytes.toString('utf8'));
      return;
    }
    this.#write(validStart(bytes));
    throw new MarkupError(notUtf8);
  }

  /** The document has ended. Throws `MarkupError` if it is incomplete. */
  finish(): void {
    const last = this.#open.at(-1);
    if (last) {
      throw new CutOffError(
        `it is cut off: <${last.name}> of line ${last.line} has no end; fetch the file again`,
      );
    }
    if (!this.#hasRoot)
      throw new CutOffError('it is cut off or empty: it has no element; fetch the file again');
    if (this.#incomplete.length > 0) throw new MarkupError(notUtf8);
    this.#parser.close();
  }

  #write(text: string): void {
    for (let start = 0; start < text.length; start += sliceCharacters) {
      const slice = text.slice(start, start + sliceCharacters);
      this.#parser.write(slice);
      this.#characters += slice.length;
      if (this.#characters - this.#reported > maxMarkupCharacters) {
        throw new MarkupError(`a tag or comment of more than ${maxMarkupCharacters} characters`);
      }
    }
  }

  #onOpen({ uri, local, attributes }: sax.QualifiedTag): void {
    this.#reported = this.#characters;
    this.#hasRoot = true;
    if (this.#open.length === maxDepth) {
      throw new MarkupError(`more than ${maxDepth} elements inside one another`);
    }
    this.#open.push({ name: local, line: this.line });
    this.#handler.open({
      uri,
      name: local,
      attribute: (name) => (Object.hasOwn(attributes, name) ? attributes[name]!.value : undefined),
    });
  }
}

/** The bytes at the end that begin a character without completing it, 0 to 3. */
function incompleteBytes(bytes: Buffer): number {
  for (let count = 1; count <= Math.min(3, bytes.length); count++) {
    const byte = bytes[bytes.length - count]!; // within the bytes
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return count < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? count : 0;
  }
  return 0;
}

/** The text before the first bytes that are not UTF-8. */
function validStart(bytes: Buffer): string {
  let low = 0;
  let high = bytes.length;
  const isValid = (length: number): boolean => {
    const start = bytes.subarray(0, length);
    return isUtf8(start.subarray(0, length - incompleteBytes(start)));
  };
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (isValid(middle)) low = middle;
    else high = middle - 1;
  }
  const start = bytes.subarray(0, low);
  return start.subarray(0, low - incompleteBytes(start)).toString('utf8');
}
