import { UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { Transport } from '../transport/transport.js';
import type { EndGuard } from './end-guard.js';
import type { Output } from './output.js';

/** What the end of a connection calls. */
export interface LifetimeEvents {
  /** Before the connection closes: stops all work and flushes the output. May be called twice. */
  stopWork(): void;
  /** Sends an error response behind all output. */
  sendLast(frame: Buffer): void;
  /** Milliseconds to wait between the output so far and the end of the connection. */
  pauseBeforeEnd(): number;
  /** The connection was lost while open, or before all output was sent. */
  lost(message: string, error: UdfError | undefined): void;
  /** The connection is closed; called once. */
  closed(): void;
}

/** The events that concern the output and the log. `logger` is the one at the time: the task is known after init only. */
export function outputEvents(
  output: Output,
  endGuard: EndGuard,
  logger: () => Logger,
): Pick<LifetimeEvents, 'sendLast' | 'pauseBeforeEnd' | 'lost'> {
  return {
    sendLast: (frame) => {
      output.sendLast(frame);
    },
    pauseBeforeEnd: () => endGuard.pauseMs,
    lost: (message, error) => {
      logger().warn(error ? { err: error } : {}, message);
    },
  };
}

/** Max time for the peer to read the last message of a failed connection. */
export const lastReadTimeoutMs = 5_000;

export interface CloseOptions {
  /** The error response that ends the conversation. */
  readonly lastFrame?: Buffer;
  /** Max time for the peer to read the rest; without it, as long as it takes. */
  readonly timeoutMs?: number;
  /** Discards input until the peer closes its side too. */
  readonly untilPeerCloses?: boolean;
}

const lostMessage = 'connection lost; what was not sent is lost with it';
const truncatedMessage = 'the stream ended in the middle of a message or batch, which is lost';

/**
 * How a connection ends: open, then closing (what is queued is being sent), then closed. Keeps the first failure as the
 * reason.
 */
export class Lifetime {
  /** Resolves when the connection is closed. Never rejects. */
  readonly closed: Promise<void>;
  readonly #transport: Transport;
  readonly #events: LifetimeEvents;
  #resolveClosed!: () => void; // set by the promise's executor, which runs at once
  #phase: 'open' | 'closing' | 'closed' = 'open';
  #failure: UdfError | undefined;
  /** Destroys the connection if the peer does not read the rest in time. */
  #closeTimer: NodeJS.Timeout | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;

  constructor(transport: Transport, events: LifetimeEvents) {
    this.#transport = transport;
    this.#events = events;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { input, output } = transport;
    for (const stream of new Set([input, output])) {
      stream.on('error', (error: Error) => {
        this.#onTransportClosed(error);
      });
    }
    output.once('close', () => {
      this.#onTransportClosed(undefined);
    });
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  get failure(): UdfError | undefined {
    return this.#failure;
  }

  /** The input has ended within a message or batch: a failure, although what came before is still handled. */
  noteTruncatedInput(): void {
    if (!this.isOpen) return;
    this.noteFailure(new UdfError('connection', truncatedMessage));
    this.#events.lost(truncatedMessage, undefined);
  }

  /** Keeps `error` as the reason unless there is one already. */
  noteFailure(error: UdfError): void {
    this.#failure ??= error;
  }

  /** Flushes the output and closes. */
  close(options: CloseOptions = {}): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'closing';
    this.#events.stopWork();
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) {
      this.#closeTimer = setTimeout(() => {
        this.#destroyAndFinish();
      }, timeoutMs);
    }
    const pauseMs = this.#events.pauseBeforeEnd();
    if (pauseMs === 0) this.#endOutput(options);
    else {
      this.#pauseTimer = setTimeout(() => {
        this.#endOutput(options);
      }, pauseMs);
    }
  }

  #endOutput({ lastFrame, untilPeerCloses = false }: CloseOptions): void {
    if (lastFrame) this.#events.sendLast(lastFrame);
    const { input, output } = this.#transport;
    output.end((error?: Error | null) => {
      if (error) this.#noteUnsent(output.errored ?? error);
      if (!untilPeerCloses || input.readableEnded || input.destroyed) {
        this.#destroyAndFinish();
        return;
      }
      input.once('end', () => {
        this.#destroyAndFinish();
      });
      input.resume();
    });
  }

  #destroyAndFinish(): void {
    this.#transport.destroy();
    this.#finish();
  }

  /** Closes at once; unsent output is lost. */
  destroy(reason?: Error): void {
    if (this.#phase !== 'closed') {
      this.noteFailure(
        UdfError.from(reason ?? new UdfError('connection', 'the connection was cut off'), 'connection'),
      );
    }
    this.#transport.destroy(reason);
    this.#finish();
  }

  /** Called when the transport fails or closes, expectedly or not. */
  #onTransportClosed(error: Error | undefined): void {
    if (this.#phase === 'open') {
      this.noteFailure(error ? UdfError.from(error, 'connection') : new UdfError('connection', lostMessage));
      this.#events.lost(lostMessage, error && this.#failure);
      this.#transport.destroy();
    } else if (error) this.#noteUnsent(error);
    this.#finish();
  }

  /** While closing, an error matters only if it kept output from being sent: a full disk, say. */
  #noteUnsent(error: Error): void {
    if (this.#phase !== 'closing' || this.#failure || this.#transport.output.writableFinished) return;
    this.#failure = UdfError.from(error, 'connection');
    this.#events.lost(lostMessage, this.#failure);
  }

  #finish(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    clearTimeout(this.#closeTimer);
    clearTimeout(this.#pauseTimer);
    this.#events.stopWork();
    this.#events.closed();
    this.#resolveClosed();
  }
}
