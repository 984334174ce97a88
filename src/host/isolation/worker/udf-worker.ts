import { refusalMark } from '../../../agent/agent.js';
import type { HandlerRun } from '../../../agent/handler-runs.js';
import { noOutputAhead } from '../../../agent/output-ahead.js';
import type { UdfError } from '../../../model/errors.js';
import type { DeadLetter } from '../../../model/dead-letters.js';
import type { AgentStats } from '../../../model/statistics.js';
import type { Logger } from '../../../telemetry/logger.js';
import { errorTag, initTag, keepaliveTag, restoreTag, snapshotTag } from '../../../wire/tags.js';
import { type Ack, ackByte, decodeAck } from './acks.js';
import type { UdfInfo } from './messages.js';
import { errorFrom } from './plain-error.js';
import { type OutputProgress, WorkerOutput } from './worker-output.js';
import type { WorkerEnd } from './worker-end.js';
import type { ServeSettings, WorkerMessage, WorkerPort } from './worker-port.js';

/** What a worker's life calls. */
export interface UdfWorkerEvents {
  /** A frame of the UDF's output: `buf[frame..end)`. */
  output(buf: Buffer, frame: number, payload: number, end: number): void;
  /** Sends the output so far. Its memory is needed until it is sent. */
  flush(): OutputProgress;
  /** The worker has handled more input. */
  handled(ack: Ack): void;
  /** The worker refuses a run of a handler. Output that the run emitted in other workers does not follow. */
  refused(): void;
  /**
   * Whether a line of the log is new; `begun`: bytes of points and batches that the worker had begun to handle; `isRefusal`:
   * it says that a run is refused.
   */
  isNewLine(begun: number, text: string, isRefusal: boolean): boolean;
  /** The error policy has dropped points. */
  letter(letter: DeadLetter, begun: number): void;
  /** There is room for input again, or a request was answered. */
  ready(): void;
  /** The UDF ends the conversation: the frame of its error response. */
  failed(frame: Buffer): void;
  /** All of the output has come, after `endInput`. */
  done(): void;
  /** The worker has ended by a fault. Not called after `terminate` without a cause. */
  ended(end: WorkerEnd): void;
}

/** A worker that serves one connection, as the front sees it: requests and acknowledgements over a port. */
export class UdfWorker {
  /** The statistics that came last. */
  stats: AgentStats | undefined;
  /** The error that ended the conversation with it, if one did. */
  failure: UdfError | undefined;
  readonly #port: WorkerPort;
  readonly #output: WorkerOutput;
  #events: UdfWorkerEvents | undefined;
  #logger: Logger;
  #sent = 0;
  #ack: Ack = { handled: 0, ahead: noOutputAhead, wakeAtMs: NaN, stats: undefined };
  /** The request that is under way: the pieces that are not in the ring yet, and its answer. */
  #request: PendingRequest | undefined;

  constructor(port: WorkerPort, logger: Logger) {
    this.#port = port;
    this.#logger = logger;
    this.#output = new WorkerOutput(port.output, {
      frame: (buf, frame, payload, end) => {
        this.#receive(buf, frame, payload, end);
      },
      flush: () => this.#events!.flush(), // nothing is written before `serve`
    });
    port.listen({
      message: (message) => {
        this.#receiveMessage(message);
      },
      woken: () => {
        this.#woken();
      },
    });
    void this.exited.then((end) => {
      this.#ended(end);
    });
  }

  /** Its UDFs, once their modules are loaded. Rejects if one cannot be, or the worker ends before. */
  get loaded(): Promise<readonly UdfInfo[]> {
    return this.#port.loaded;
  }

  /** Settles when the worker has ended, for whatever reason. */
  get exited(): Promise<WorkerEnd> {
    return this.#port.exited;
  }

  /** Serves a connection. To be called once, after `loaded`. */
  serve(settings: ServeSettings, logger: Logger, events: UdfWorkerEvents): void {
    this.#events = events;
    this.#logger = logger;
    this.#port.serve(settings);
    this.#output.pump(); // asks for the first wake-up
  }

  // ---- input ----

  /** Whether all input is handled, and no request is under way. */
  get isSettled(): boolean {
    return this.#request === undefined && this.#sent === this.#ack.handled;
  }

  /** Whether it cannot be reached for now. */
  get isAway(): boolean {
    return this.#port.isAway;
  }

  /** Bytes of input, requests included, that were handled. */
  get handledBytes(): number {
    return this.#ack.handled;
  }

  /** See `Ack.wakeAtMs`. */
  get wakeAtMs(): number {
    return this.#ack.wakeAtMs;
  }

  /** The run of a handler that is under way, or was when the worker ended. */
  get currentRun(): HandlerRun | undefined {
    return this.#port.runs.current;
  }

  /** The bytes of points and batches that have begun. */
  get begunBytes(): number {
    return this.#port.runs.begunBytes;
  }

  /** Changes whenever the worker does something: `alive` counts turns of its event loop too. */
  activity(alive: boolean): number {
    return this.#port.activity(alive);
  }

  /** Gives the worker input, as much as there is room for; `ready` follows where that is not all. */
  feed(bytes: Buffer): number {
    const count = this.#port.write(bytes, 0, bytes.length);
    this.#sent += count;
    return count;
  }

  /**
   * Sends a request, whose answer is the response of the same kind: its payload, once the worker is settled. To be called
   * when the worker is settled. Does not settle if the worker ends.
   */
  request(pieces: readonly Buffer[]): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#port.wantStats();
      this.#request = { pieces, next: 0, offset: 0, answer: undefined, resolve };
      this.#sendRequest();
    });
  }

  /** Ends the input: the worker drains, and `done` follows. */
  endInput(): void {
    this.#port.endInput();
  }

  /** Asks for the statistics with the next acknowledgement. */
  wantStats(): void {
    this.#port.wantStats();
  }

  #sendRequest(): void {
    const request = this.#request!; // only called while there is one
    for (; request.next < request.pieces.length; request.next++, request.offset = 0) {
      const piece = request.pieces[request.next]!;
      const count = this.#port.write(piece, request.offset, piece.length);
      this.#sent += count;
      request.offset += count;
      if (request.offset < piece.length) return;
    }
  }

  // ---- output ----

  /** Pauses or resumes reading of the output. */
  setPaused(isPaused: boolean): void {
    this.#output.setPaused(isPaused);
  }

  /** To be called when the system has taken more of the output. */
  released(sentBytes: number): void {
    this.#output.released(sentBytes);
  }

  #woken(): void {
    this.#output.pump();
    if (this.#output.isStopped) return;
    if (this.#request) this.#sendRequest();
    else this.#events?.ready();
  }

  #receive(buf: Buffer, frame: number, payload: number, end: number): void {
    const events = this.#events!; // nothing is written before `serve`
    switch (buf[payload]) {
      case ackByte:
        this.#acknowledge(decodeAck(buf.subarray(payload, end)));
        return;
      case refusalMark[1]:
        events.refused();
        return;
      case initTag:
      case snapshotTag:
      case restoreTag:
        if (this.#request) this.#request.answer = Buffer.from(buf.subarray(payload, end));
        return;
      case keepaliveTag:
        return; // a heartbeat; the front has its own
      case errorTag:
        events.failed(Buffer.from(buf.subarray(frame, end)));
        return;
      default:
        events.output(buf, frame, payload, end);
    }
  }

  #acknowledge(ack: Ack): void {
    if (ack.stats) this.stats = ack.stats;
    this.#ack = ack;
    const request = this.#request;
    if (request?.answer === undefined) {
      this.#events!.handled(ack);
      return;
    }
    if (ack.handled < this.#sent) return; // the request is not handled yet: this cannot be its answer
    this.#request = undefined;
    request.resolve(request.answer);
  }

  // ---- the end ----

  /** Ends the worker at once; with a cause, `ended` is called. */
  terminate(end?: WorkerEnd): void {
    if (!end) this.#output.stop();
    this.#port.terminate(end);
  }

  #receiveMessage(message: WorkerMessage): void {
    switch (message.kind) {
      case 'log': {
        const { level, message: text, details, begun, isRefusal } = message;
        if (this.#events?.isNewLine(begun, text, isRefusal) === false) return;
        const given = details as { readonly err?: Parameters<typeof errorFrom>[0] };
        this.#logger[level](given.err ? { ...given, err: errorFrom(given.err) } : given, text);
        return;
      }
      case 'letter':
        this.#events?.letter(message.letter, message.begun);
        return;
      case 'done':
        this.stats = message.stats;
        this.failure = message.failure && errorFrom(message.failure);
        this.#finish();
    }
  }

  /** Reads the rest of the output, as fast as Kapacitor does. */
  #finish(): void {
    this.#output.pump();
    if (this.#output.isStopped) return;
    if (!this.#output.isEmpty) {
      setTimeout(() => {
        this.#finish();
      }, finishPollMs);
      return;
    }
    this.#output.stop();
    const request = this.#request;
    if (request?.answer)
      request.resolve(request.answer); // a refusal, after which the worker closes at once
    else this.#events!.done();
    this.terminate();
  }

  #ended(end: WorkerEnd): void {
    if (this.#output.isStopped) return;
    this.#output.drain();
    this.#output.stop();
    this.#events?.ended(end);
  }
}

interface PendingRequest {
  readonly pieces: readonly Buffer[];
  next: number;
  offset: number;
  answer: Buffer | undefined;
  readonly resolve: (answer: Buffer) => void;
}

const finishPollMs = 5;
