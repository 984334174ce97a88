import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Transport } from './transport.js';

/** Larger than a pipe's buffer, so that a pipe is drained and its end noticed even while the agent has paused. */
const readAheadBytes = 1024 * 1024;

/**
 * The transport of a child process: standard input, and `output` as `claimStdout` returns it.
 *
 * Calls `onInputEnd` when the other side has closed, possibly long before an agent that is blocked by unread output
 * reads the end.
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
    // The type lacks stream options, which the constructor accepts.
    const options = { fd: 0, readable: true, writable: false, readableHighWaterMark: readAheadBytes };
    super(options);
    this.#onEnd = onEnd;
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk === null) this.#onEnd?.();
    return super.push(chunk, encoding);
  }
}
