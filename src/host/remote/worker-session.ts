import type { Socket } from 'node:net';
import { UdfError } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import { checkIntervalMs, HangDetector } from '../isolation/supervisor/hang-detector.js';
import type { UdfInfo } from '../isolation/worker/messages.js';
import { plainError } from '../isolation/worker/plain-error.js';
import { hungEnd, type WorkerEnd } from '../isolation/worker/worker-end.js';
import type { WorkerMessage, WorkerPort } from '../isolation/worker/worker-port.js';
import type { WorkerThread } from '../isolation/worker/worker-thread.js';
import { Link, windowBytes } from './link.js';
import { decodeToHost, encodeMessage, type FromHost, maxToHostBytes, type ToHost } from './messages.js';

/** Max input that waits. A proxy sends at most a window ahead; as much again may be under way when a link is resumed. */
const maxQueuedBytes = 2 * windowBytes;

/** Min time limit of a turn of a worker's event loop: turns are counted only ten times a second. */
const minTurnMs = 1_000;

export interface WorkerSessionOptions {
  readonly udf: string;
  readonly thread: WorkerThread;
  /** Adds the session to each line. */
  readonly logger: Logger;
  /** Milliseconds that a session waits for its proxy to reconnect. */
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number | undefined;
  /** The session is over; called once. */
  readonly ended: () => void;
}

/** A worker thread whose front is a proxy on another machine. Its link outlives connections. */
export class WorkerSession {
  readonly udf: string;
  readonly #options: WorkerSessionOptions;
  readonly #link: Link;
  /** Input that was received and has no room in the thread's ring yet. */
  readonly #queue: { readonly bytes: Buffer; readonly position: number; taken: number }[] = [];
  #queuedBytes = 0;
  #isServing = false;
  #endsInput = false;
  /** The worker's last message, which follows its last output. */
  #done: WorkerMessage | undefined;
  #sentRuns: WorkerPort['runs'] = { current: undefined, begunBytes: 0 };
  #isOver = false;
  #awayTimer: NodeJS.Timeout | undefined;
  #hangTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerSessionOptions) {
    const { udf, thread, heartbeatMs } = options;
    this.udf = udf;
    this.#options = options;
    this.#link = new Link(
      { maxControlBytes: maxToHostBytes, heartbeatMs },
      {
        data: (bytes, position) => {
          this.#queuedBytes += bytes.length;
          if (this.#queuedBytes > maxQueuedBytes)
            throw new UdfError('protocol', 'input was sent without room');
          this.#queue.push({ bytes, position, taken: 0 });
          this.#pumpInput();
        },
        control: (payload) => {
          this.#receive(decodeToHost(payload));
        },
        room: () => {
          this.#pumpOutput();
        },
        lost: (reason) => {
          this.#lost(reason);
        },
        ended: () => {
          this.#end();
        },
      },
    );
    thread.listen({
      message: (message) => {
        if (message.kind === 'done') this.#done = message;
        else this.#send(message);
        this.#pumpOutput();
      },
      woken: () => {
        this.#pumpInput();
        this.#pumpOutput();
      },
    });
    thread.loaded.then(
      (udfs) => {
        this.#send({ kind: 'loaded', udfs: udfs.filter(({ name }) => name === udf).map(publicInfo) });
      },
      () => undefined, // `exited` handles the end
    );
    void thread.exited.then((end) => {
      this.#threadEnded(end);
    });
  }

  /** Bytes of the link that were received, for the proxy. */
  get received(): number {
    return this.#link.received;
  }

  /** Continues on a connection. Throws `protocol` if the proxy cannot have received `theirs` bytes. */
  attach(socket: Socket, rest: Buffer, theirs: number): void {
    clearTimeout(this.#awayTimer);
    this.#link.attach(socket, rest, theirs);
  }

  /** Tells the proxy that there is new code. */
  announceReload(): void {
    this.#send({ kind: 'reload' });
  }

  /** Ends the session, and says why. */
  close(reason: string): void {
    this.#link.close(reason);
    this.#end();
  }

  // ---- input ----

  #receive(message: ToHost): void {
    const { thread, udf, logger } = this.#options;
    switch (message.kind) {
      case 'serve':
        if (this.#isServing) throw new UdfError('protocol', 'a session is served once');
        this.#isServing = true;
        thread.serve({ ...message.settings, udf });
        this.#pumpOutput(); // asks for the first wake-up
        this.#watch(message.settings.limits.handlerMs);
        logger.debug({}, 'the session is served');
        return;
      case 'end':
        this.#endsInput = true;
        this.#pumpInput();
        return;
      case 'stats':
        thread.wantStats();
    }
  }

  #pumpInput(): void {
    const { thread } = this.#options;
    for (let first; (first = this.#queue[0]);) {
      const { bytes } = first;
      const count = thread.write(bytes, first.taken, bytes.length);
      first.taken += count;
      this.#queuedBytes -= count;
      if (first.taken < bytes.length) return;
      this.#queue.shift();
      this.#link.release(first.position);
    }
    if (!this.#endsInput) return;
    this.#endsInput = false;
    thread.endInput();
  }

  // ---- output ----

  #send(message: FromHost): void {
    this.#link.control(encodeMessage(message));
  }

  /** Sends the run under way, before the output that it has written: a proxy attributes the output to it. */
  #sendRuns(): void {
    const { current, begunBytes } = this.#options.thread.runs;
    const { current: last, begunBytes: lastBytes } = this.#sentRuns;
    if (begunBytes === lastBytes && current?.kind === last?.kind && current?.number === last?.number) return;
    this.#sentRuns = { current, begunBytes };
    this.#send({ kind: 'runs', ...this.#sentRuns });
  }

  #pumpOutput(): void {
    if (this.#isOver || !this.#isServing) return;
    const { output } = this.#options.thread;
    while (this.#link.roomBytes > 0) {
      const bytes = output.read();
      if (bytes === undefined) {
        if (this.#done) this.#send(this.#done);
        this.#done = undefined;
        return;
      }
      this.#sendRuns();
      this.#link.sendAll(bytes);
    }
  }

  // ---- the worker's end ----

  /** Ends a worker that hangs, as the front does of its own workers. */
  #watch(handlerMs: number): void {
    if (handlerMs === 0) return;
    const { thread } = this.#options;
    const intervalMs = checkIntervalMs(handlerMs);
    const handlers = new HangDetector(intervalMs);
    const maxTurnMs = Math.max(handlerMs, minTurnMs);
    const threadTurns = new HangDetector(intervalMs);
    this.#hangTimer = setInterval(() => {
      const isHung =
        handlers.check({
          isWorking: thread.runs.current !== undefined && this.#link.roomBytes > 0,
          activity: thread.activity(false),
          maxMs: handlerMs,
        }) || threadTurns.check({ isWorking: true, activity: thread.activity(true), maxMs: maxTurnMs });
      if (isHung) thread.terminate(hungEnd(handlerMs));
    }, intervalMs);
  }

  #threadEnded({ cause, text, error }: WorkerEnd): void {
    clearInterval(this.#hangTimer);
    if (this.#isOver) return;
    for (let bytes; (bytes = this.#options.thread.output.read());) this.#link.sendAll(bytes);
    this.#sendRuns();
    if (this.#done) this.#send(this.#done);
    else this.#send({ kind: 'ended', cause, text, error: error && plainError(error) });
  }

  // ---- the session's end ----

  #lost(reason: UdfError): void {
    const { logger, sessionTimeoutMs } = this.#options;
    logger.warn({ code: reason.code }, `the proxy is lost: ${reason.message}; waiting for it`);
    if (reason.code !== 'connection') {
      this.close(reason.message); // it would break the rules again
      return;
    }
    this.#awayTimer = setTimeout(() => {
      logger.warn({}, `the session ends: its proxy did not reconnect within ${sessionTimeoutMs} ms`);
      this.close('the proxy was away for too long');
    }, sessionTimeoutMs);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#awayTimer);
    clearInterval(this.#hangTimer);
    this.#options.thread.terminate();
    this.#options.ended();
  }
}

/** A UDF's info for other machines, without the path of its module. */
export function publicInfo(info: UdfInfo): UdfInfo {
  return { ...info, module: undefined };
}
