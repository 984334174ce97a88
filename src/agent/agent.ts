import { UdfError } from '../model/errors.js';
import { capText } from '../model/text.js';
import type { AgentStats } from '../model/statistics.js';
import type { Logger } from '../telemetry/logger.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';
import { maxLengthBytes } from '../wire/framing.js';
import { FrameReader } from '../wire/frame-reader.js';
import { encodeResponse } from '../wire/messages.js';
import { restoreTag, snapshotTag } from '../wire/tags.js';
import { Inbox } from './inbox.js';
import { defaultsProblem, type InstanceDefaults } from './defaults.js';
import { type Limits, resolveLimits } from './limits.js';
import { Output } from './output.js';
import { OutputGuard } from './output-guard.js';
import { Session } from './session.js';
import { Counters } from './counters.js';

export interface AgentOptions extends InstanceDefaults {
  readonly definition: UdfDefinition;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly limits?: Partial<Limits> | undefined;
  /**
   * Refuse a snapshot that cannot be restored, instead of starting afresh. The task then fails each time it is
   * enabled, until it is deleted.
   */
  readonly strictRestore?: boolean | undefined;
}

/** One conversation with Kapacitor: a connection, from its first byte to its last. */
export interface Agent {
  /** Resolves when the conversation is over, whatever the reason. Never rejects. */
  readonly closed: Promise<void>;
  /** Why the conversation went wrong; `undefined` while it has not. */
  readonly failure: UdfError | undefined;
  readonly stats: AgentStats;
  /** Reads no more, finishes what has come, sends it, closes. Resolves with `closed`. */
  drain(): Promise<void>;
  /** Ends at once; what was not sent is lost. */
  destroy(reason?: Error): void;
}

/**
 * Serves a UDF on one connection. Everything that goes wrong afterwards ends that connection, with a line in the log
 * and, if Kapacitor still listens, an error that it shows for the task.
 *
 * Throws `invalid_argument` if a limit or default is invalid.
 */
export function createAgent(options: AgentOptions): Agent {
  const problem = defaultsProblem(options);
  if (problem !== undefined) throw new UdfError('invalid_argument', problem);
  return new ConnectionAgent(options, resolveLimits(options.limits));
}

/** Bytes that such a request has besides the snapshot: two tags, two lengths. */
const restoreOverhead = 2 + 2 * maxLengthBytes;

/** A chunk of this size is as large as Node reads at a time: there is likely more, and it is read before all else. */
const maxReadBytes = 64 * 1024;

/** Max time for the peer to read the last message of a failed connection. */
const lingerMs = 5_000;

/** Kapacitor's keepalive requests stay unread while reading is paused, but any response resets its timer. */
function heartbeat(): Buffer {
  return encodeResponse({ kind: 'keepalive', time: BigInt(Date.now()) * 1_000_000n });
}

/**
 * A connection's life: bytes in, requests one after the other, bytes out.
 *
 * Requests are handled as they are read, within the chunk that they came in. Only while a handler is busy (async, or a
 * snapshot) or Kapacitor does not read, they wait in the inbox. Keepalives are answered meanwhile. When the inbox is
 * full, reading pauses and heartbeats are sent instead.
 */
class ConnectionAgent implements Agent {
  readonly closed: Promise<void>;
  readonly #transport: Transport;
  readonly #limits: Limits;
  readonly #counters = new Counters();
  readonly #abort = new AbortController();
  readonly #output: Output;
  readonly #session: Session;
  readonly #reader: FrameReader;
  readonly #inbox = new Inbox();
  #resolveClosed!: () => void;

  #busy = false;
  #paused = false;
  /** No more will be read: Kapacitor closed its side, or we drain. */
  #inputEnded = false;
  #phase: 'open' | 'closing' | 'closed' = 'open';
  /** Whether the UDF's `stop` handlers have been started. */
  #stopping = false;
  #emittedLate = false;
  #failure: UdfError | undefined;
  /** Cuts the connection when the other side does not read what is left. */
  #lingering: NodeJS.Timeout | undefined;

  constructor(options: AgentOptions, limits: Limits) {
    const { definition, transport } = options;
    this.#transport = transport;
    this.#limits = limits;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#output = new Output(transport.output, this.#counters, limits.outputBytes);
    const guard = new OutputGuard(definition, this.#output, limits.batchBytes, {
      refuse: (reason) => {
        this.#refuse(reason);
      },
      late: () => {
        this.#lateEmit();
      },
    });
    this.#session = new Session({
      ...options,
      limits,
      logger: options.logger.child({ udf: definition.name }),
      output: this.#output,
      guard,
      counters: this.#counters,
      signal: this.#abort.signal,
      close: (reason) => {
        this.#failure ??= reason;
        this.#close(lingerMs);
      },
    });
    this.#reader = new FrameReader(
      limits.messageBytes,
      (buf, frame, payload, end) => {
        this.#receive(buf, frame, payload, end);
      },
      // What we have written as a snapshot must be let in again.
      { firstByte: restoreTag, limit: limits.snapshotBytes + restoreOverhead, name: 'snapshotBytes' },
    );
    this.#listen();
  }

  get failure(): UdfError | undefined {
    return this.#failure;
  }

  get stats(): AgentStats {
    const { own: counters, ...counted } = this.#counters;
    return {
      ...counted,
      groups: this.#session.groups,
      counters: { ...counters },
    };
  }

  drain(): Promise<void> {
    if (this.#phase === 'open' && !this.#inputEnded) {
      this.#inputEnded = true;
      this.#transport.input.pause();
      this.#settle();
    }
    return this.closed;
  }

  destroy(reason?: Error): void {
    if (this.#phase !== 'closed') {
      this.#failure ??= UdfError.from(
        reason ?? new UdfError('connection', 'the connection was cut off'),
        'connection',
      );
    }
    this.#transport.destroy(reason);
    this.#over();
  }

  // ---- the stream's events ----

  #listen(): void {
    const { input, output } = this.#transport;
    input.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    input.once('end', () => {
      this.#inputEnded = true;
      if (this.#phase === 'open' && (this.#reader.midFrame || this.#session.midBatch)) {
        const message = 'the stream ended in the middle of a message or batch, which is lost';
        this.#failure ??= new UdfError('connection', message);
        this.#session.logger.warn({}, message);
      }
      this.#settle();
    });
    output.on('drain', () => {
      this.#output.flush();
      this.#work();
    });
    for (const stream of new Set([input, output])) {
      stream.on('error', (error: Error) => {
        this.#lost(error);
      });
    }
    output.once('close', () => {
      this.#lost(undefined);
    });
  }

  #read(chunk: Buffer): void {
    if (this.#phase !== 'open' || this.#inputEnded) return;
    this.#counters.bytesIn += chunk.length;
    this.#turn(() => {
      this.#reader.push(chunk);
    }, chunk.length >= maxReadBytes);
  }

  /** A frame came: it is handled now, or waits its turn. */
  #receive(buf: Buffer, frame: number, payload: number, end: number): void {
    if (!this.#busy && this.#inbox.empty && !this.#output.blocked) {
      this.#handle(buf, frame, payload, end);
    } else if (!this.#session.answerKeepalive(buf, payload, end)) {
      this.#inbox.push({ buf, frame, payload, end });
    }
  }

  /**
   * Throws the error of a wrong emit in the handler that emitted. Outside a handler (in a timer of the UDF) nothing could
   * catch it and the process would end, so there it ends the connection.
   */
  #refuse(reason: unknown): void {
    const isCaught = this.#output.inTurn || this.#busy;
    // A limit counts also when the author's code catches the error.
    if (!isCaught || (reason instanceof UdfError && reason.code === 'limit')) this.#fail(reason);
    if (isCaught) throw reason;
  }

  #lateEmit(): void {
    if (this.#emittedLate) return;
    this.#emittedLate = true;
    this.#session.logger.warn({}, 'emit was called after the connection had ended: what it emits is lost');
  }

  // ---- work ----

  #handle(buf: Buffer, frame: number, payload: number, end: number): void {
    const called = this.#session.handle(buf, frame, payload, end);
    if (!called) return;
    // A snapshot and a restore are not limited: they take as long as there are groups.
    const isHandler = buf[payload] !== snapshotTag && buf[payload] !== restoreTag;
    this.#await(called, isHandler ? this.#handlerTimer() : undefined);
  }

  /** Fails the connection unless it is cleared in time. */
  #handlerTimer(): NodeJS.Timeout | undefined {
    const { handlerMs } = this.#limits;
    if (handlerMs === 0) return undefined;
    return setTimeout(() => {
      this.#fail(new UdfError('handler_timeout', `a handler took longer than ${handlerMs} ms (handlerMs)`));
    }, handlerMs);
  }

  #await(called: Promise<void>, timer: NodeJS.Timeout | undefined): void {
    this.#busy = true;
    called
      .catch((reason: unknown) => {
        this.#fail(reason);
      })
      .finally(() => {
        clearTimeout(timer);
        this.#busy = false;
        this.#work();
      });
  }

  /** Handles the frames that wait. */
  #work(): void {
    this.#turn(() => {
      while (!this.#busy && !this.#inbox.empty && !this.#output.blocked && this.#phase === 'open') {
        const { buf, frame, payload, end } = this.#inbox.shift();
        this.#handle(buf, frame, payload, end);
      }
    });
  }

  /** Does some work, sends what it has added, and decides what is next. `more`: there is likely more input to read at once. */
  #turn(work: () => void, more = false): void {
    if (this.#phase !== 'open') return;
    this.#output.beginTurn();
    try {
      work();
    } catch (reason) {
      this.#fail(reason);
    }
    this.#output.endTurn(more);
    this.#settle();
  }

  /** Reads on or pauses; closes when all is done. */
  #settle(): void {
    if (this.#phase !== 'open') return;
    if (this.#inputEnded) {
      if (!this.#busy && this.#inbox.empty) this.#finish();
      if (this.#busy) this.#output.startHeartbeat(heartbeat);
      return;
    }
    const { blocked } = this.#output;
    const pause = blocked || this.#inbox.bytes > this.#limits.inputBytes;
    // Behind unread output a heartbeat would only add to it.
    if (pause && !blocked) this.#output.startHeartbeat(heartbeat);
    else this.#output.stopHeartbeat();
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#transport.input.pause();
    else this.#transport.input.resume();
  }

  // ---- the end ----

  /** All input has been handled: calls the UDF's `stop` handlers, then closes. */
  #finish(): void {
    if (this.#stopping || !this.#session.hasStop) {
      this.#close();
      return;
    }
    this.#stopping = true;
    const stopped = this.#session.stop(() => this.#handlerTimer());
    this.#await(stopped, undefined);
  }

  /** Ends the conversation with an error that Kapacitor shows for the task. */
  #fail(reason: unknown): void {
    if (this.#phase !== 'open') return;
    const error = UdfError.from(reason);
    this.#failure ??= error;
    const level = error.code === 'internal' || error.code === 'handler' ? 'error' : 'warn';
    this.#session.logger[level](
      { code: error.code, err: error },
      capText(`connection ends: ${error.message}`),
    );
    this.#output.sendError(encodeResponse({ kind: 'error', error: this.#session.errorText(error) }));
    // Kapacitor may be writing: if the connection were gone, it would show that and not our error.
    this.#close(lingerMs, true);
  }

  /**
   * Sends what there is and closes; the other side has `withinMs` to read it, for ever if none is given. If
   * `untilItCloses`, what still comes from there is read and thrown away until it closes too.
   */
  #close(withinMs?: number, untilItCloses = false): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'closing';
    this.#stopWork();
    const over = (): void => {
      this.#transport.destroy();
      this.#over();
    };
    if (withinMs !== undefined) this.#lingering = setTimeout(over, withinMs);
    const { input, output } = this.#transport;
    output.end(() => {
      if (!untilItCloses || input.readableEnded || input.destroyed) {
        over();
        return;
      }
      input.once('end', over);
      input.resume();
    });
  }

  /** The connection is gone, expectedly or not. */
  #lost(error: Error | undefined): void {
    if (this.#phase === 'open') {
      const message = 'connection lost; what was not sent is lost with it';
      this.#failure ??= error ? UdfError.from(error, 'connection') : new UdfError('connection', message);
      this.#session.logger.warn(error ? { err: this.#failure } : {}, message);
      this.#transport.destroy();
    }
    this.#over();
  }

  #over(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    clearTimeout(this.#lingering);
    this.#stopWork();
    if (this.#session.started) this.#session.logger.info({ stats: this.stats }, 'task ended');
    this.#resolveClosed();
  }

  #stopWork(): void {
    this.#reader.stop();
    this.#inbox.clear();
    this.#output.end();
    this.#abort.abort();
  }
}
