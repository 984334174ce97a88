import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Transport } from './transport.js';

/** More than the system keeps in a pipe: what is there is read, and its end seen, though the agent has paused. */
const readAheadBytes = 1024 * 1024;

/**
 * Standard input, and frames on `output`: what `claimStdout` returns when Kapacitor has started the process.
 *
 * Calls `onInputEnd` when the other side has closed, which may be long before the agent, held up by output that nothing
 * reads, has read the end.
 */
export function stdioTransport(output: Writable, onInputEnd?: () => void): Transport {
  const input = standardInput(onInputEnd);
  return {
    description: 'stdio',
    input,
    output,
    destroy: (error) => {
      input.destroy(error);
      output.destroy(error);
    },
  };
}

function standardInput(onEnd?: () => void): Readable {
  const kind = fstatSync(0);
  if (kind.isFIFO() || kind.isSocket()) {
    const value = new InputPipe(onEnd);
    // Node.js opens a descriptor as a stream only once: `process.stdin` would throw wherever it is used.
    Object.defineProperty(process, 'stdin', { configurable: true, enumerable: true, value });
    return value;
  }
  return onEnd ? process.stdin.once('end', onEnd) : process.stdin;
}

class InputPipe extends Socket {
  readonly #onEnd: (() => void) | undefined;

  constructor(onEnd: (() => void) | undefined) {
    // Its type lacks the options of streams, which it takes too.
    const options = { fd: 0, readable: true, writable: false, readableHighWaterMark: readAheadBytes };
    super(options);
    this.#onEnd = onEnd;
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk === null) this.#onEnd?.();
    return super.push(chunk, encoding);
  }
}
