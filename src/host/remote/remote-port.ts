import { messageOf, UdfError } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import type { UdfInfo } from '../isolation/worker/messages.js';
import { errorFrom } from '../isolation/worker/plain-error.js';
import type { WorkerEnd } from '../isolation/worker/worker-end.js';
import { WorkerLifecycle } from '../isolation/worker/worker-lifecycle.js';
import type {
  OutputSource,
  ServeSettings,
  WorkerMessage,
  WorkerPort,
  WorkerPortEvents,
} from '../isolation/worker/worker-port.js';
import { remoteUrl } from './address.js';
import { dial, RefusedGreeting, type RemoteHost } from './dial.js';
import { Link } from './link.js';
import { decodeMessage, encodeMessage, type FromHost, maxFromHostBytes, type ToHost } from './messages.js';

const firstDelayMs = 100;
const maxDelayMs = 5_000;

/** What happens to the connections of a proxy, for its metrics. */
export type RemoteEvent = 'remote_lost' | 'remote_resumed' | 'remote_refused';

export interface RemotePortOptions {
  readonly host: RemoteHost;
  readonly udf: string;
  readonly logger: Logger;
  readonly onEvent: (event: RemoteEvent) => void;
  /** The host has loaded new code. */
  readonly onReload: () => void;
  /** Milliseconds between two signs of life. */
  readonly heartbeatMs?: number | undefined;
}

/**
 * A worker on another machine. Connects again after a connection is lost, without a time limit, and resumes the session at
 * the byte where it was. If the host no longer has the session, the worker has ended (`lost`).
 */
export class RemotePort implements WorkerPort {
  readonly output: ReceivedOutput;
  runs: WorkerPort['runs'] = { current: undefined, begunBytes: 0 };
  readonly #options: RemotePortOptions;
  readonly #link: Link;
  readonly #lifecycle = new WorkerLifecycle();
  #events: WorkerPortEvents | undefined;
  #session: string | undefined;
  #end: WorkerEnd | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #delayMs = firstDelayMs;
  #lostAt: number | undefined;
  #activity = 0;

  constructor(options: RemotePortOptions) {
    this.#options = options;
    const { heartbeatMs } = options;
    this.#link = new Link(
      { maxControlBytes: maxFromHostBytes, heartbeatMs },
      {
        data: (bytes, position) => {
          this.output.add(bytes, position);
          this.#events?.woken();
        },
        control: (payload) => {
          this.#receive(decodeMessage(payload) as FromHost); // the host is trusted
        },
        room: () => {
          this.#events?.woken();
        },
        lost: (reason) => {
          this.#lost(reason);
        },
        ended: (reason) => {
          this.#exit({ cause: 'lost', text: `was lost: ${reason}` });
        },
      },
    );
    this.output = new ReceivedOutput(this.#link);
    void this.#connect();
  }

  get loaded(): Promise<readonly UdfInfo[]> {
    return this.#lifecycle.loaded;
  }

  get exited(): Promise<WorkerEnd> {
    return this.#lifecycle.exited;
  }

  get isAway(): boolean {
    return !this.#link.isUp;
  }

  listen(events: WorkerPortEvents): void {
    this.#events = events;
  }

  serve(settings: ServeSettings): void {
    this.#send({ kind: 'serve', settings });
  }

  write(buf: Buffer, start: number, end: number): number {
    return this.#link.send(buf, start, end);
  }

  endInput(): void {
    this.#send({ kind: 'end' });
  }

  wantStats(): void {
    if (this.#link.isUp) this.#send({ kind: 'stats' });
  }

  /** Always another number: the host itself ends a worker that hangs, as a slow network must not count as one. */
  activity(): number {
    return ++this.#activity;
  }

  terminate(end?: WorkerEnd): void {
    this.#exit(end ?? { cause: 'exit', text: 'was ended' });
  }

  #send(message: ToHost): void {
    this.#link.control(encodeMessage(message));
  }

  #receive(message: FromHost): void {
    switch (message.kind) {
      case 'loaded':
        this.#lifecycle.load(message.udfs);
        return;
      case 'runs':
        this.runs = message;
        return;
      case 'ended': {
        const { cause, text, error } = message;
        this.#exit({ cause, text, error: error && errorFrom(error) });
        return;
      }
      case 'reload':
        this.#options.onReload();
        return;
      default:
        this.#events?.message(message satisfies WorkerMessage);
    }
  }

  // ---- the connection ----

  async #connect(): Promise<void> {
    const { host, udf } = this.#options;
    const session = this.#session;
    const { received } = this.#link;
    try {
      const greeting =
        session === undefined
          ? ({ kind: 'new', udf } as const)
          : ({ kind: 'resume', session, udf, received } as const);
      const { socket, answer, rest } = await dial(host, greeting, 'session');
      if (this.#end) {
        socket.destroy();
        return;
      }
      this.#session = answer.session;
      this.#connected();
      this.#link.attach(socket, rest, answer.received);
    } catch (reason) {
      this.#failed(UdfError.from(reason));
    }
  }

  #connected(): void {
    const { onEvent, logger, host } = this.#options;
    this.#delayMs = firstDelayMs;
    if (this.#lostAt === undefined) return;
    onEvent('remote_resumed');
    const awayMs = Math.round(performance.now() - this.#lostAt);
    logger.info({ awayMs }, `${remoteUrl(host.address)} is back; the session goes on`);
    this.#lostAt = undefined;
  }

  #lost(reason: UdfError): void {
    if (this.#end) return;
    const { onEvent, logger, host } = this.#options;
    onEvent('remote_lost');
    this.#lostAt ??= performance.now();
    logger.warn(
      { code: reason.code },
      `${remoteUrl(host.address)} is lost: ${reason.message}; it is connected to again, and input is kept meanwhile`,
    );
    this.#retry(0);
  }

  #failed(error: UdfError): void {
    if (this.#end) return;
    const { onEvent, logger } = this.#options;
    const isGone =
      this.#session !== undefined &&
      (error.code === 'protocol' ||
        (error instanceof RefusedGreeting && error.refusal === 'unknown_session'));
    if (isGone) {
      this.#exit({ cause: 'lost', text: `was lost: ${error.message}` });
      return;
    }
    if (error.code !== 'connection') onEvent('remote_refused');
    const message = `${messageOf(error)}; tried again in ${this.#delayMs} ms`;
    if (error.code === 'connection') logger.warn({ code: error.code }, message);
    else logger.error({ code: error.code }, message);
    this.#retry(this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, maxDelayMs);
  }

  #retry(delayMs: number): void {
    // Spread, so that the sessions of a host that is back do not all come at once.
    const spread = delayMs * (1 + Math.random() / 4);
    this.#retryTimer = setTimeout(() => void this.#connect(), spread);
  }

  #exit(end: WorkerEnd): void {
    if (this.#end) return;
    this.#end = end;
    clearTimeout(this.#retryTimer);
    this.#link.close('the proxy needs it no more');
    this.#lifecycle.exit(end);
  }
}

/** A worker's output as it was received. */
class ReceivedOutput implements OutputSource {
  readonly #link: Link;
  readonly #chunks: { readonly bytes: Buffer; readonly position: number }[] = [];
  readPosition = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  add(bytes: Buffer, position: number): void {
    this.#chunks.push({ bytes, position });
  }

  readInPlace(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    if (chunk) this.readPosition = chunk.position;
    return chunk?.bytes;
  }

  release(position: number): void {
    this.#link.release(position);
  }
}
