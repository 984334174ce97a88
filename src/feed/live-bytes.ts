import type { Readable } from 'node:stream';

const newline = 0x0a;
/** Max bytes of an incomplete line that are held back. */
const maxHeldBytes = 16 * 1024 * 1024;

/** Yields a stream's chunks until it ends or the signal aborts; chunks buffered by then are still yielded. */
export async function* readUntilAborted(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const source = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
  let onAbort: (() => void) | undefined;
  const listener = (): void => onAbort?.();
  signal.addEventListener('abort', listener);
  try {
    while (!signal.aborted) {
      // One promise per chunk: `Promise.race` with a promise for the signal would leak a reaction per chunk.
      const next = await new Promise<IteratorResult<Buffer | string, unknown> | undefined>(
        (resolve, reject) => {
          onAbort = () => {
            resolve(undefined);
          };
          source.next().then(resolve, reject);
        },
      );
      if (next?.done) return;
      if (next) yield Buffer.from(next.value as Buffer); // copies; a string is encoded
    }
    for (let chunk: unknown = stream.read(); chunk !== null; chunk = stream.read())
      yield Buffer.from(chunk as Buffer);
  } finally {
    signal.removeEventListener('abort', listener);
  }
}

/**
 * Re-chunks bytes at line ends. Bytes after the last newline are held back and yielded at the end; after an abort they may
 * be half a line, so they are dropped and `onIncomplete` is called.
 */
export async function* completeLines(
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  onIncomplete: () => void,
): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    let end = chunk.lastIndexOf(newline) + 1;
    if (heldBytes + chunk.length > maxHeldBytes) end = chunk.length;
    if (end > 0) {
      yield Buffer.concat([...held, chunk.subarray(0, end)]);
      held = [];
      heldBytes = 0;
    }
    if (end < chunk.length) {
      held.push(chunk.subarray(end));
      heldBytes += chunk.length - end;
    }
  }
  if (heldBytes === 0) return;
  if (signal.aborted) onIncomplete();
  else yield Buffer.concat(held);
}
