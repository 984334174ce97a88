import { createAgent } from '../agent/agent.js';
import { DrivenClock } from '../agent/timers/wall-clock.js';
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
import { payloadStart } from '../wire/framing.js';
import { FrameReader } from '../wire/frame-reader.js';
import { decodeRequest } from '../wire/messages.js';
import { memoryLogger } from '../telemetry/memory-logger.js';
import { AnswerReader } from './replay-conversation-answers.js';
import { AnswerComparison } from './replay-conversation-compare.js';

export interface ConversationReplayOptions {
  /** Called with each line of the difference: `-` recorded only, `+` received only, and equal ones as context. */
  readonly onDifference?: ((line: string) => void) | undefined;
  /** Relative tolerance of doubles; 0 by default. */
  readonly tolerance?: number | undefined;
  /** Max time for an answer of the UDF, and for its end after the half-close; 10 s by default. */
  readonly answerTimeoutMs?: number | undefined;
  /** Logger of a UDF in this process; none by default. */
  readonly logger?: Logger | undefined;
}

/** Result of a replay. */
export interface ConversationReplay {
  readonly header: ConversationHeader;
  /** Task and node of the recorded init request. */
  readonly task: string | undefined;
  readonly node: string | undefined;
  /** Requests sent. */
  readonly requests: number;
  /** Numbers of answers that are as recorded, recorded only, and received only. */
  readonly same: number;
  readonly missing: number;
  readonly extra: number;
  /** The protocol violation that ended the conversation, unless the recorded one ended early too. */
  readonly failure: string | undefined;
}

/**
 * Sends the requests of a recorded conversation to a UDF, unchanged and as fast as it accepts them, and compares its answers
 * with the recorded ones. Ignores keepalives and snapshots, which differ between runs, and the order of tags and fields.
 *
 * To bound memory, it also requests Info every 2,000 requests and at the end: the answer shows that all requests before it
 * were handled.
 *
 * Protocol violations of the UDF are in `failure`. Rejects with the errors of the conversation's reader.
 */
export async function replayConversation(
  conversation: RecordedConversation,
  udf: UdfDefinition | Transport,
  options: ConversationReplayOptions = {},
): Promise<ConversationReplay> {
  const transport = isUdfDefinition(udf) ? runInProcess(udf, options.logger ?? memoryLogger([])) : udf;
  const replay = new ConversationRun(transport, options);
  try {
    for await (const entry of conversation.entries) {
      if (entry.kind === 'request') await replay.send(entry.bytes);
      else if (entry.kind === 'response') replay.expect(entry.bytes);
      else if (entry.kind === 'response-end') replay.expectEnd();
      else if (entry.kind === 'request-end') replay.recordHalfClose();
    }
    return { header: conversation.header, ...(await replay.finish()) };
  } finally {
    transport.destroy();
  }
}

/** Runs a UDF in this process, and returns the other end of its in-memory transport. */
function runInProcess(definition: UdfDefinition, logger: Logger): Transport {
  const [agentSide, kapacitorSide] = memoryTransportPair();
  createAgent({ definition, transport: agentSide, logger, clock: new DrivenClock(0n, true) });
  return kapacitorSide;
}

/** Requests between two added Info requests. */
const requestsPerSync = 2_000;

/** Failures that are expected if the recorded conversation ended early. */
const earlyEndRules: ReadonlySet<ProtocolRule> = new Set([
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
  readonly #pendingInfos: boolean[] = [];
  #task: string | undefined;
  #node: string | undefined;
  #sent = 0;
  #sinceSync = 0;
  #isDrained = true;
  /** Whether the recorded Kapacitor half-closed, and whether the recorded UDF ended before that. */
  #recordHalfClose = false;
  #endedEarly = false;
  /** Whether the recorded answers contain bytes that cannot be decoded. */
  #isUndecodable = false;

  constructor(transport: Transport, options: ConversationReplayOptions) {
    const { onDifference, answerTimeoutMs = 10_000, tolerance = 0 } = options;
    const comparison = new AnswerComparison(onDifference ?? (() => undefined), tolerance);
    this.#comparison = comparison;
    this.#requests = new FrameReader(Infinity, (buf, frame, _payload, end) => {
      this.#sendRequest(buf.subarray(frame, end));
    });
    this.#recorded = new AnswerReader((answer) => {
      comparison.addExpected(answer);
    });
    const actual = new AnswerReader(
      (answer) => {
        comparison.addActual(answer);
      },
      () => this.#pendingInfos.shift() ?? true,
    );
    this.#peer = createKapacitorPeer(transport, {
      keepaliveTimeoutMs: 0, // the recorded ones are sent
      answerTimeoutMs,
      writes: 'coalesced',
      onResponse: (frame) => {
        actual.push(frame);
      },
      onPoint: () => undefined, // compared by `onResponse`
      onBatch: () => undefined,
    });
  }

  /** Sends recorded bytes of Kapacitor. */
  async send(bytes: Buffer): Promise<void> {
    await this.#ignoringFailure(async () => {
      this.#requests.push(bytes);
      if (!this.#isDrained) await this.#peer.drained();
      this.#isDrained = true;
      if (this.#sinceSync < requestsPerSync) return;
      this.#sinceSync = 0;
      await this.#sync();
    });
  }

  /** Adds recorded bytes of the UDF. */
  expect(bytes: Buffer): void {
    if (this.#isUndecodable) return;
    try {
      this.#recorded.push(bytes);
    } catch (reason) {
      if (!(reason instanceof UdfError)) throw reason;
      this.#isUndecodable = true; // compares with the answers before them
    }
  }

  expectEnd(): void {
    this.#endedEarly ||= !this.#recordHalfClose;
  }

  recordHalfClose(): void {
    this.#recordHalfClose = true;
  }

  async finish(): Promise<Omit<ConversationReplay, 'header'>> {
    await this.#ignoringFailure(async () => {
      // Otherwise, an end before the last request was handled would look like one after the half-close.
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

  #sendRequest(frame: Buffer): void {
    this.#isDrained = this.#peer.request(frame);
    this.#sent++;
    this.#sinceSync++;
    const kind = typedKindOf(frame);
    if (kind === 'info') this.#pendingInfos.push(true);
    if (kind !== 'init') return;
    const request = decodeRequest(frame.subarray(payloadStart(frame)));
    if (request.kind !== 'init') return;
    this.#task = request.taskID;
    this.#node = request.nodeID;
  }

  /** Waits until the UDF has handled all requests. */
  async #sync(): Promise<void> {
    this.#pendingInfos.push(false);
    await this.#peer.info();
  }

  /** Runs `work` unless the conversation has failed. The peer keeps a failure, which is reported at the end. */
  async #ignoringFailure(work: () => Promise<void>): Promise<void> {
    if (this.#peer.failure) return;
    try {
      await work();
    } catch (reason) {
      if (!(reason instanceof ProtocolFailure)) throw reason;
    }
  }

  #failure(): string | undefined {
    const { failure } = this.#peer;
    if (!failure || (this.#endedEarly && earlyEndRules.has(failure.rule))) return undefined;
    return `after ${this.#sent} requests: ${failure.message}`;
  }
}
