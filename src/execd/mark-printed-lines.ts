import { StringDecoder } from 'node:string_decoder';

/**
 * Marks the lines that a UDF prints: Telegraf takes one without a mark for an error. A line, or a character of it, may be
 * written in pieces. Returns a function that ends this.
 */
export function markPrintedLines(stream: NodeJS.WritableStream, mark: string): () => void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with `stream` below, and put back
  const { write } = stream;
  const decoder = new StringDecoder();
  let isLineOpen = false;
  const marked = (text: string): string => {
    const lines = text.replace(/(?:^|\n)(?=[^\n])/g, (before, offset) =>
      offset === 0 && before === '' && isLineOpen ? '' : before + mark,
    );
    if (text !== '') isLineOpen = !text.endsWith('\n');
    return lines;
  };
  stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
    const [encoding] = rest;
    const bytes =
      typeof chunk === 'string'
        ? Buffer.from(chunk, encoding as BufferEncoding | undefined)
        : Buffer.from(chunk);
    const done = rest.find((argument) => typeof argument === 'function') as (() => void) | undefined;
    return write.call(stream, marked(decoder.write(bytes)), undefined, done);
  };
  return () => {
    stream.write = write;
  };
}
