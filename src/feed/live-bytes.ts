import type { Readable } from 'node:stream';

const newline = 0x0a;
/** Max bytes held back because no newline ends them. */
const maxHeldBytes = 16 * 1024 * 1024;

/** A stream's chunks until it ends, or until the signal aborts: what the stream has read by then is yielded. */
export async function* readUntilAborted(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const source = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
  let onAbort: (() => void) | undefined;
  const listener = (): void => onAbort?.();
  signal.addEventListener('abort', listener);
  try {
    while (!signal.aborted) {
      // A promise of its own for each chunk: a race with one for the signal would hold a reaction for each chunk.
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
 * The same bytes, so that each chunk ends with a line. What has no newline yet is held back: at the end it is a line too,
 * but when the signal aborts it may be half a line, and is left out, which `onIncomplete` is called for.
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
