import { createAgent } from '../agent/agent.js';
import { UdfError } from '../model/errors.js';
import { createKapacitorPeer, type KapacitorPeer } from '../peer/kapacitor-peer.js';
import { typedKindOf } from '../peer/pending-requests.js';
import { ProtocolFailure, type ProtocolRule } from '../peer/protocol-failure.js';
import type { ConversationHeader } from '../recording/conversation/format.js';
import type { RecordedConversation } from '../recording/conversation/reader.js';
import type { Logger } from '../telemetry/logger.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { Transport } from '../transport/transport.js';
import { isUdfDefinition, type UdfDefinition } from '../udf/definition.js';
import { payloadStart } from '../wire/frame-header.js';
import { FrameReader } from '../wire/frame-reader.js';
import { decodeRequest } from '../wire/messages.js';
import { memoryLogger } from '../telemetry/memory-logger.js';
import { AnswerReader } from './replay-conversation-answers.js';
import { AnswerComparison } from './replay-conversation-compare.js';

export interface ConversationReplayOptions {
  /** Called with each line of the difference as it is found: `-` recorded only, `+` received only, and equal ones around. */
  readonly onDifference?: ((line: string) => void) | undefined;
  /** Relative tolerance of doubles, default 0. */
  readonly tolerance?: number | undefined;
  /** Max time for an answer of the UDF, or for its end after the half-close; default 10 s. */
  readonly answerTimeoutMs?: number | undefined;
  /** Log of a UDF that runs in this process; default none. */
  readonly logger?: Logger | undefined;
}

/** Result of a replay. */
export interface ConversationReplay {
  readonly header: ConversationHeader;
  /** Task and node of the recorded init request. */
  readonly task: string | undefined;
  readonly node: string | undefined;
  /** Number of requests sent. */
  readonly requests: number;
  /** Number of answers that are as recorded, recorded only, and received only. */
  readonly same: number;
  readonly missing: number;
  readonly extra: number;
  /** The broken rule of the protocol that ended the conversation, unless it had ended so when it was recorded. */
  readonly failure: string | undefined;
}

/**
 * Sends the requests of a recorded conversation to a UDF, byte for byte and as fast as it takes them, and compares its
 * answers with those that were recorded, point by point. Keepalives and snapshots are not compared, since they differ
 * from run to run; neither is the order of tags and fields.
 *
 * Every 2,000 requests and at the end it requests Info too: the answer shows that all requests before it were handled,
 * which bounds memory.
 *
 * `failure` has what a UDF did that Kapacitor would not accept. Throws what the conversation's reader throws.
 */
export async function replayConversation(
  conversation: RecordedConversation,
  udf: UdfDefinition | Transport,
  options: ConversationReplayOptions = {},
): Promise<ConversationReplay> {
  const transport = isUdfDefinition(udf) ? inMemory(udf, options.logger ?? memoryLogger([])) : udf;
  const replay = new ConversationRun(transport, options);
  try {
    for await (const entry of conversation.entries) {
      if (entry.kind === 'request') await replay.send(entry.bytes);
      else if (entry.kind === 'response') replay.expect(entry.bytes);
      else if (entry.kind === 'response-end') replay.expectEnd();
      else if (entry.kind === 'request-end') replay.halfClosed();
    }
    return { header: conversation.header, ...(await replay.finish()) };
  } finally {
    transport.destroy();
  }
}

/** Runs a UDF in this process, on the other end of a transport in memory. */
function inMemory(definition: UdfDefinition, logger: Logger): Transport {
  const [agentSide, kapacitorSide] = memoryTransportPair();
  createAgent({ definition, transport: agentSide, logger });
  return kapacitorSide;
}

/** Requests between two of our own for Info. */
const requestsPerSync = 2_000;

/** Failures that are how some UDFs end; no failure if the recorded one ended early too. */
const endingRules: ReadonlySet<ProtocolRule> = new Set([
  'connection-lost',
  'early-eof',
  'error-response',
  'init-refused',
  'restore-refused',
]);

class ConversationRun {
  readonly #peer: KapacitorPeer;
  readonly #comparison: AnswerComparison;
  readonly #requests: FrameReader;
  readonly #recorded: AnswerReader;
  /** For each pending Info request, whether it was recorded. */
  readonly #infos: boolean[] = [];
  #task: string | undefined;
  #node: string | undefined;
  #sent = 0;
  #sinceSync = 0;
  #drained = true;
  /** The recorded Kapacitor had half-closed; the recorded UDF had ended before that. */
  #halfClosed = false;
  #endedEarly = false;
  /** The recorded answers cannot be decoded any further. */
  #undecodable = false;

  constructor(transport: Transport, options: ConversationReplayOptions) {
    const { onDifference, answerTimeoutMs = 10_000, tolerance = 0 } = options;
    const comparison = new AnswerComparison(onDifference ?? (() => undefined), tolerance);
    this.#comparison = comparison;
    this.#requests = new FrameReader(Infinity, (buf, frame, _payload, end) => {
      this.#request(buf.subarray(frame, end));
    });
    this.#recorded = new AnswerReader((answer) => {
      comparison.addExpected(answer);
    });
    const actual = new AnswerReader(
      (answer) => {
        comparison.addActual(answer);
      },
      () => this.#infos.shift() ?? true,
    );
    this.#peer = createKapacitorPeer(transport, {
      keepaliveTimeoutMs: 0, // those that were recorded are sent
      answerTimeoutMs,
      writes: 'coalesced',
      onResponse: (frame) => {
        actual.push(frame);
      },
      onPoint: () => undefined, // each has been compared as a response
      onBatch: () => undefined,
    });
  }

  /** Sends bytes that Kapacitor had sent. */
  async send(bytes: Buffer): Promise<void> {
    await this.#unlessEnded(async () => {
      this.#requests.push(bytes);
      if (!this.#drained) await this.#peer.drained();
      this.#drained = true;
      if (this.#sinceSync < requestsPerSync) return;
      this.#sinceSync = 0;
      await this.#sync();
    });
  }

  /** Takes bytes that the UDF had answered. */
  expect(bytes: Buffer): void {
    if (this.#undecodable) return;
    try {
      this.#recorded.push(bytes);
    } catch (reason) {
      if (!(reason instanceof UdfError)) throw reason;
      this.#undecodable = true; // what is received is compared with what was recorded before that
    }
  }

  expectEnd(): void {
    this.#endedEarly ||= !this.#halfClosed;
  }

  halfClosed(): void {
    this.#halfClosed = true;
  }

  async finish(): Promise<Omit<ConversationReplay, 'header'>> {
    await this.#unlessEnded(async () => {
      // Without it an end before the last request was handled would look like one after the half-close.
      if (!this.#endedEarly) await this.#sync();
      await this.#peer.stop();
    });
    this.#comparison.finish();
    const { same, missing, extra } = this.#comparison;
    return {
      task: this.#task,
      node: this.#node,
      requests: this.#sent,
      same,
      missing,
      extra,
      failure: this.#failure(),
    };
  }

  #request(frame: Buffer): void {
    this.#drained = this.#peer.request(frame);
    this.#sent++;
    this.#sinceSync++;
    const kind = typedKindOf(frame);
    if (kind === 'info') this.#infos.push(true);
    if (kind !== 'init') return;
    const request = decodeRequest(frame.subarray(payloadStart(frame)));
    if (request.kind !== 'init') return;
    this.#task = request.taskID;
    this.#node = request.nodeID;
  }

  /** Waits until the UDF has handled all requests. */
  async #sync(): Promise<void> {
    this.#infos.push(false);
    await this.#peer.info();
  }

  /** Does nothing once the conversation has failed; the peer knows why. */
  async #unlessEnded(work: () => Promise<void>): Promise<void> {
    if (this.#peer.failure) return;
    try {
      await work();
    } catch (reason) {
      if (!(reason instanceof ProtocolFailure)) throw reason;
    }
  }

  #failure(): string | undefined {
    const { failure } = this.#peer;
    if (!failure || (this.#endedEarly && endingRules.has(failure.rule))) return undefined;
    return `after ${this.#sent} requests: ${failure.message}`;
  }
}
