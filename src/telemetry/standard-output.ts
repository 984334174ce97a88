import { BoundedWriter, nonBlocking } from './bounded-writer.js';
import type { Logger } from './logger.js';

const writers = new Map<1 | 2, BoundedWriter>();

/** This thread's only writer to standard output (1) or standard error (2), so that lines never mix. */
export function standardWriter(fd: 1 | 2): BoundedWriter {
  let writer = writers.get(fd);
  if (!writer) {
    writer = new BoundedWriter(nonBlocking(fd));
    writers.set(fd, writer);
  }
  return writer;
}

/** Lines to standard output and standard error that this thread has dropped, as nobody read them in time. */
export function droppedLines(): number {
  return Array.from(writers.values()).reduce((sum, { totalDropped }) => sum + totalDropped, 0);
}

/**
 * Makes `console.log`, `process.stdout.write` and their like never wait for a reader nor queue without limit, until the
 * returned function is called: for a process that serves UDFs, whose authors print.
 */
export function boundPrinting(logger: Logger): () => void {
  const restoring = [bound(process.stdout, standardWriter(1)), bound(process.stderr, standardWriter(2))];
  standardWriter(1).onDropped = (dropped) => {
    logger.warn({ dropped }, `${dropped} printed lines were dropped: standard output was not read in time`);
  };
  return () => {
    for (const restore of restoring) restore();
  };
}

function bound(stream: NodeJS.WriteStream, writer: BoundedWriter): () => void {
  const own = Object.getOwnPropertyDescriptor(stream, 'write');
  stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
    const [encoding] = rest; // or the callback
    const isEncoded = typeof chunk === 'string' && typeof encoding === 'string';
    writer.write(isEncoded ? Buffer.from(chunk, encoding as BufferEncoding) : chunk);
    const done = rest.find((argument) => typeof argument === 'function');
    if (done) process.nextTick(done);
    return true;
  };
  return () => {
    if (own) Object.defineProperty(stream, 'write', own);
    else Reflect.deleteProperty(stream, 'write');
  };
}
