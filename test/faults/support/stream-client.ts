import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { OptionCall } from '../../../src/model/option-call.js';

const script = fileURLToPath(new URL('stream-client.mjs', import.meta.url));

export interface StreamOptions {
  readonly path: string;
  readonly options: readonly OptionCall[];
  /** The number of points to send at least, in whole writes of 500. */
  readonly minPoints: number;
  /** 0 for as many as the host takes. */
  readonly pointsPerSecond: number;
}

export interface StreamProgress {
  readonly sent: number;
  readonly points: number;
  readonly keepalives: { readonly asked: number; readonly answered: number; readonly slowestMs: number };
}

export interface StreamResult extends StreamProgress {
  /** SHA-256 of all points that came, as they came. */
  readonly digest: string;
  /** The kinds of the other responses. */
  readonly others: readonly string[];
  /** The longest time between two outputs. */
  readonly longestStallMs: number;
  /** The longest time between two responses of any kind: each resets Kapacitor's timer. */
  readonly longestSilenceMs: number;
  /** The longest delay of a timer in the client: what the machine adds to the other times. */
  readonly slowestTurnMs: number;
}

/** A connection in a process of its own that streams points of a hundred groups, with a keepalive every 20 ms. */
export class StreamClient {
  readonly #process: ChildProcess;
  readonly #messages: (StreamResult | StreamProgress)[] = [];
  #next: { resolve(message: StreamResult | StreamProgress): void; reject(reason: Error): void } | undefined;
  #problem: Error | undefined;

  constructor(options: StreamOptions) {
    // Options hold int64 values as bigints.
    this.#process = fork(script, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process.send(options);
    this.#process.on('message', (message: StreamResult | StreamProgress | { readonly error: string }) => {
      if ('error' in message) this.#fail(new Error(message.error));
      else if (this.#next) this.#next.resolve(message);
      else this.#messages.push(message);
    });
    this.#process.once('exit', (code) => {
      this.#fail(new Error(`the client has exited with code ${code}`));
    });
    onTestFinished(() => {
      this.#process.kill('SIGKILL');
    });
  }

  /** Resolves when more points have come. */
  async advanced(): Promise<void> {
    const { points } = await this.#progress();
    while ((await this.#progress()).points === points)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async #progress(): Promise<StreamProgress> {
    this.#process.send('progress');
    return this.#message();
  }

  /** Ends the stream once enough is sent. */
  async finish(): Promise<StreamResult> {
    this.#process.send('finish');
    // The one message that follows is the result.
    return (await this.#message()) as StreamResult;
  }

  #message(): Promise<StreamResult | StreamProgress> {
    return new Promise((resolve, reject) => {
      const message = this.#messages.shift();
      if (message) resolve(message);
      else if (this.#problem) reject(this.#problem);
      else this.#next = { resolve, reject };
    });
  }

  #fail(problem: Error): void {
    this.#problem ??= problem;
    this.#next?.reject(this.#problem);
  }
}

/** Streams `minPoints` through a host. */
export function stream(options: StreamOptions): Promise<StreamResult> {
  return new StreamClient(options).finish();
}
