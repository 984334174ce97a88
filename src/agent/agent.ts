import { UdfError } from '../model/errors.js';
import type { AgentStats } from '../model/statistics.js';
import type { Logger } from '../telemetry/logger.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';
import { maxLengthBytes } from '../wire/frame-header.js';
import { FrameReader } from '../wire/frame-reader.js';
import { encodeResponse } from '../wire/messages.js';
import { Emitter } from './emitter.js';
import { Heartbeat } from './heartbeat.js';
import { Inbox } from './inbox.js';
import { defaultsProblem, type InstanceDefaults } from './instance.js';
import { type Limits, resolveLimits } from './limits.js';
import { Sender } from './sender.js';
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
 * Throws `invalid_argument` for limits and defaults that are none.
 */
export function createAgent(options: AgentOptions): Agent {
  const problem = defaultsProblem(options);
  if (problem !== undefined) throw new UdfError('invalid_argument', problem);
  return new ConnectionAgent(options, resolveLimits(options.limits));
}

/** The first bytes of Requests that are a snapshot and a restore: fields 4 and 5, length-delimited. */
const snapshotTag = 0x22;
const restoreTag = 0x2a;
/** Bytes that such a request has besides the snapshot: two tags, two lengths. */
const restoreOverhead = 2 + 2 * maxLengthBytes;

/** A chunk of this size is as large as Node reads at a time: there is likely more, and it is read before all else. */
const maxReadBytes = 64 * 1024;

/** How long a failed connection may take to read its last message before it is cut. */
const lingerMs = 5_000;

/**
 * A connection's life: bytes in, requests one after the other, bytes out.
 *
 * Requests are handled as they are read, within the chunk that they came in. Only while a handler is busy (async, or a
 * snapshot) or Kapacitor does not read do they wait in the inbox; keepalives are answered past them, and when the inbox
 * is full reading pauses and heartbeats go out on our own.
 */
class ConnectionAgent implements Agent {
  readonly closed: Promise<void>;
  readonly #transport: Transport;
  readonly #limits: Limits;
  readonly #counters = new Counters();
  readonly #abort = new AbortController();
  readonly #emitter: Emitter;
  readonly #sender: Sender;
  readonly #session: Session;
  readonly #reader: FrameReader;
  readonly #inbox = new Inbox();
  readonly #heartbeat: Heartbeat;
  #resolveClosed!: () => void;

  #busy = false;
  #paused = false;
  /** Whether frames are being handled now, so that what is emitted goes out at the end of the turn. */
  #inTurn = false;
  /** No more will be read: Kapacitor closed its side, or we drain. */
  #inputEnded = false;
  #phase: 'open' | 'closing' | 'closed' = 'open';
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
    this.#emitter = new Emitter(definition, {
      counters: this.#counters,
      batchBytes: limits.batchBytes,
      afterEmit: () => {
        this.#sender.added(this.#inTurn);
      },
      refuse: (reason) => {
        this.#refuse(reason);
      },
    });
    this.#sender = new Sender(transport.output, this.#emitter.frames, this.#counters, limits.outputBytes);
    const send = (frame: Buffer): void => {
      this.#sender.send(frame);
      this.#sender.added(this.#inTurn);
    };
    this.#session = new Session({
      ...options,
      limits,
      logger: options.logger.child({ udf: definition.name }),
      emitter: this.#emitter,
      counters: this.#counters,
      signal: this.#abort.signal,
      send,
      sendSnapshot: (pieces) => {
        this.#sender.sendExempt(pieces);
        this.#sender.added(this.#inTurn);
      },
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
    this.#heartbeat = new Heartbeat(() => {
      this.#sender.sendHeartbeat(
        encodeResponse({ kind: 'keepalive', time: BigInt(Date.now()) * 1_000_000n }),
      );
    });
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
      this.#sender.flush();
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
    if (!this.#busy && this.#inbox.empty && !this.#sender.blocked) {
      this.#handle(buf, frame, payload, end);
    } else if (!this.#session.answerKeepalive(buf, payload, end)) {
      this.#inbox.push({ buf, frame, payload, end });
    }
  }

  /**
   * Throws at a handler what is wrong with what it has emitted. A timer of a UDF has nobody to catch it: there it would end
   * the process, and every other connection with it.
   */
  #refuse(reason: unknown): void {
    const isCaught = this.#inTurn || this.#busy;
    // A limit counts also when the author's code catches the error.
    if (!isCaught || (reason instanceof UdfError && reason.code === 'limit')) this.#fail(reason);
    if (isCaught) throw reason;
  }

  // ---- work ----

  #handle(buf: Buffer, frame: number, payload: number, end: number): void {
    const called = this.#session.handle(buf, frame, payload, end);
    if (!called) return;
    // The runtime's own work takes as long as there are groups.
    const isHandler = buf[payload] !== snapshotTag && buf[payload] !== restoreTag;
    this.#await(called, isHandler ? this.#limits.handlerMs : 0);
  }

  #await(called: Promise<void>, handlerMs: number): void {
    this.#busy = true;
    const timer =
      handlerMs > 0
        ? setTimeout(() => {
            this.#fail(
              new UdfError('handler_timeout', `a handler took longer than ${handlerMs} ms (handlerMs)`),
            );
          }, handlerMs)
        : undefined;
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

  /** Goes on with what waits. */
  #work(): void {
    this.#turn(() => {
      while (!this.#busy && !this.#inbox.empty && !this.#sender.blocked && this.#phase === 'open') {
        const { buf, frame, payload, end } = this.#inbox.shift();
        this.#handle(buf, frame, payload, end);
      }
    });
  }

  /** Does some work, sends what came of it, and sees how to go on. `more` input is there to be read at once, or not. */
  #turn(work: () => void, more = false): void {
    if (this.#phase !== 'open') return;
    this.#inTurn = true;
    try {
      work();
    } catch (reason) {
      this.#fail(reason);
    } finally {
      this.#inTurn = false;
    }
    this.#sender.endTurn(more);
    this.#settle();
  }

  /** Reads on or pauses; closes when all is done. */
  #settle(): void {
    if (this.#phase !== 'open') return;
    if (this.#inputEnded) {
      if (!this.#busy && this.#inbox.empty) this.#close();
      else if (this.#busy) this.#heartbeat.start();
      return;
    }
    const { blocked } = this.#sender;
    const pause = blocked || this.#inbox.bytes > this.#limits.inputBytes;
    // Behind unread output a heartbeat would only add to it.
    if (pause && !blocked) this.#heartbeat.start();
    else this.#heartbeat.stop();
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#transport.input.pause();
    else this.#transport.input.resume();
  }

  // ---- the end ----

  /** Ends the conversation with an error that Kapacitor shows for the task. */
  #fail(reason: unknown): void {
    if (this.#phase !== 'open') return;
    const error = UdfError.from(reason);
    this.#failure ??= error;
    const level = error.code === 'internal' || error.code === 'handler' ? 'error' : 'warn';
    this.#session.logger[level]({ code: error.code, err: error }, `connection ends: ${error.message}`);
    this.#sender.send(encodeResponse({ kind: 'error', error: this.#session.named(error) }));
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
    this.#sender.flush();
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
    this.#heartbeat.stop();
    this.#abort.abort();
  }
}
