import { createConnection, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { decodeResponse, encodeRequest, type Request, type Response } from '../../src/wire/messages.js';
import { pointOf, type TestPoint } from './udf-messages.js';
import { until } from './until.js';
import type { OptionCall } from '../../src/model/option-call.js';

/**
 * Raw frames over any two streams, for tests of what is on the wire: the order of responses, and bytes that
 * `KapacitorPeer` would end the conversation for. A byte outside a frame makes `next` and `end` reject.
 */
export class Conversation {
  readonly responses: Response[] = [];
  readonly input: Writable;
  readonly output: Readable;
  #problem: Error | undefined;
  #ended = false;
  /** Number of responses up to the last one that `next` returned. */
  #taken = 0;

  constructor(input: Writable, output: Readable) {
    this.input = input;
    this.output = output;
    const reader = new FrameReader(Infinity, (buf, _frame, payload, end) => {
      this.responses.push(decodeResponse(buf.subarray(payload, end)));
    });
    output.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#problem ??= error as Error;
      }
    });
    output.once('end', () => {
      if (reader.midFrame) this.#problem ??= new Error('the output ended in the middle of a frame');
      this.#ended = true;
    });
    for (const stream of new Set([input, output])) {
      stream.on('error', (error) => {
        this.#problem ??= error;
      });
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  get points(): Required<TestPoint>[] {
    return this.responses.flatMap((response) => (response.kind === 'point' ? [pointOf(response)] : []));
  }

  send(...requests: readonly Request[]): void {
    this.input.write(Buffer.concat(requests.map(encodeRequest)));
  }

  /** Initializes the UDF. Rejects with its message if it refuses. */
  async init(options: readonly OptionCall[] = []): Promise<void> {
    this.send({ kind: 'init', taskID: 'task', nodeID: 'node', options });
    const { success, error } = await this.next('init');
    if (!success) throw new Error(error);
  }

  /** The next response of this kind that has not been returned yet. */
  async next<Kind extends Response['kind']>(kind: Kind): Promise<Extract<Response, { kind: Kind }>> {
    let at = -1;
    await until(`the answer "${kind}" comes`, () => {
      if (this.#problem) throw this.#problem;
      at = this.responses.findIndex((response, index) => index >= this.#taken && response.kind === kind);
      return at >= 0 || this.#ended;
    });
    if (at < 0) throw new Error(`the conversation ended without the answer "${kind}"`);
    this.#taken = at + 1;
    return this.responses[at] as Extract<Response, { kind: Kind }>;
  }

  /** Half-closes, as Kapacitor does to stop, and waits until the other side has sent all and closed. */
  async end(): Promise<void> {
    this.input.end();
    await this.closed();
  }

  /** Waits until the other side has closed. */
  async closed(): Promise<void> {
    await until('the other side closes', () => this.#ended || this.#problem !== undefined);
    if (this.#problem) throw this.#problem;
  }
}

/** A conversation over a socket. It is closed when the test is over. */
export async function connect(path: string): Promise<Conversation & { readonly socket: Socket }> {
  const socket = createConnection({ path, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return Object.assign(new Conversation(socket, socket), { socket });
}
