import type { Batch, BatchInit } from '../model/batch.js';
import type { Point, PointInit } from '../model/point.js';
import type { OptionCall } from '../model/option-call.js';
import type { InfoMessage } from '../wire/messages.js';
import type { LooseOptions } from './options.js';
import type { ProtocolFailure } from './protocol-failure.js';

export interface KapacitorPeerOptions {
  /** Default `test`. */
  readonly taskId?: string | undefined;
  /** Default `udf2`. */
  readonly nodeId?: string | undefined;
  /** Kapacitor's `timeout` of a UDF, default 10 s; 0 for no keepalives. */
  readonly keepaliveTimeoutMs?: number | undefined;
  /** Max time for a response, or for EOF after the half-close, before it counts as missing; default 5 s. */
  readonly answerTimeoutMs?: number | undefined;
  /** Max length of a response, default 1 GiB: a longer one is treated as stray bytes. */
  readonly maxMessageBytes?: number | undefined;
  /** Each message in two small writes, as Kapacitor makes them (default), or many messages in one. */
  readonly writes?: 'as-kapacitor' | 'coalesced' | undefined;
  /** Called with each point that the UDF emits; it is then not kept in `points`. */
  readonly onPoint?: ((point: Point) => void) | undefined;
  /** Called with each batch that the UDF emits; it is then not kept in `batches`. */
  readonly onBatch?: ((batch: Batch) => void) | undefined;
  /** Called with the bytes of each well-formed response, length prefix included, before any rule is checked on it. */
  readonly onResponse?: ((frame: Buffer) => void) | undefined;
}

/** The output of a UDF. */
export interface Emitted {
  readonly points: readonly Point[];
  readonly batches: readonly Batch[];
}

/**
 * Kapacitor's side of one connection to an agent in any language. It enforces every rule that the daemon relies on: the first violation ends the connection, and the pending call and all later ones reject or
 * throw the same `ProtocolFailure`.
 */
export interface KapacitorPeer extends Emitted {
  /** The sizes that the begins of `batches` announced. */
  readonly batchSizes: readonly bigint[];
  /** What ended the conversation, unless it was `stop` or `abort`. */
  readonly failure: ProtocolFailure | undefined;
  /** Resolves when the connection is closed. Never rejects. */
  readonly closed: Promise<void>;
  /** Number of keepalive responses so far, requested or not. */
  readonly keepalives: number;

  /** Requests the UDF's edges and options. */
  info(): Promise<InfoMessage>;
  /**
   * Starts the task. Options are TICKscript (`.field('value').size(3)`), calls, or a record, which is typed by the last
   * `info`. Throws `init-refused` with the agent's own message in `detail`.
   */
  init(options?: string | readonly OptionCall[] | LooseOptions): Promise<void>;
  /** Restores a snapshot. Throws `restore-refused`. */
  restore(snapshot: Uint8Array): Promise<void>;
  /** Requests a snapshot. */
  snapshot(): Promise<Uint8Array>;
  /** Requests a keepalive, besides those that are sent every half timeout. */
  keepalive(): Promise<void>;

  /** Sends a point; `false` if the agent is behind and `drained` should be awaited. */
  point(point: PointInit | Point): boolean;
  /** Sends a batch; result as of `point`. */
  batch(batch: BatchInit | Batch): boolean;
  /**
   * Sends an encoded request, length prefix included, such as a recorded one; its answer is expected as if it had been
   * sent by `info`, `init`, `restore` or `snapshot`. Result as of `point`.
   */
  request(frame: Buffer): boolean;
  /** Sends any bytes, valid or not; result as of `point`. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when what was sent has been handed to the system. */
  drained(): Promise<void>;
  /** Resolves when the UDF has emitted this many in all. Throws `missing-response` after `answerTimeoutMs`. */
  received(count: { readonly points?: number; readonly batches?: number }): Promise<void>;

  /** Stops reading until `resumeReading`, as when the nodes behind the UDF are slow. */
  pauseReading(): void;
  resumeReading(): void;

  /** Stops the task as Kapacitor does: awaits pending answers, half-closes, and reads to EOF. */
  stop(): Promise<Emitted>;
  /** Cuts the connection, as when Kapacitor is killed. */
  abort(): void;
}
