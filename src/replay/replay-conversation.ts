import { createAgent } from '../agent/agent.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { ConversationHeader } from '../recording/conversation/format.js';
import type { RecordedConversation } from '../recording/conversation/reader.js';
import type { Logger } from '../telemetry/logger.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { Transport } from '../transport/transport.js';
import { isUdfDefinition, type UdfDefinition } from '../udf/definition.js';
import { FrameReader } from '../wire/frame-reader.js';
import { decodeRequest, encodeRequest } from '../wire/messages.js';
import { memoryLogger } from '../telemetry/memory-logger.js';
import { AnswerReader } from './replay-conversation-answers.js';
import { AnswerComparison } from './replay-conversation-compare.js';
import { WaitList } from '../peer/wait-list.js';

export interface ConversationReplayOptions {
  /** Called with each line of the difference as it is found: `-` was recorded, `+` comes now, and what is around them. */
  readonly onDifference?: ((line: string) => void) | undefined;
  /** How far doubles may be from those that were recorded, as a part of them: 0 if not given. */
  readonly tolerance?: number | undefined;
  /** How long the UDF may take to answer, or to end after the half-close: 10 s if not given. */
  readonly answerTimeoutMs?: number | undefined;
  /** Where a UDF of this process and its runtime log to; nowhere if not given. */
  readonly logger?: Logger | undefined;
}

/** What came of a replay. */
export interface ConversationReplay {
  readonly header: ConversationHeader;
  /** Those of the recorded init request, if there is one. */
  readonly task: string | undefined;
  readonly node: string | undefined;
  /** How many requests were sent. */
  readonly requests: number;
  /** How many answers are as recorded, do not come any more, and come that were not recorded. */
  readonly same: number;
  readonly missing: number;
  readonly extra: number;
  /** Why the conversation did not come to its recorded end, if it did not. */
  readonly failure: string | undefined;
}

/**
 * Sends the requests of a recorded conversation to a UDF, byte for byte and as fast as it takes them, and compares its
 * answers with those that were recorded, point by point. Keepalives and snapshots are not compared: they differ from run
 * to run. The order of tags and fields does not count.
 *
 * Between points now and then, and at the end, it asks for the UDF's info: the answer tells that all before it was
 * worked on, so that memory stays bounded however long the recording is, and that the UDF did not end before.
 *
 * A UDF that refuses, closes early or sends what is no answer is told of in `failure`. Throws what the conversation's
 * reader throws.
 */
export async function replayConversation(
  conversation: RecordedConversation,
  udf: UdfDefinition | Transport,
  options: ConversationReplayOptions = {},
): Promise<ConversationReplay> {
  const transport = isUdfDefinition(udf) ? inMemory(udf, options.logger ?? memoryLogger([])) : udf;
  const replay = new Replay(transport, options);
  try {
    for await (const entry of conversation.entries) {
      if (entry.kind === 'request') await replay.send(entry.bytes);
      else if (entry.kind === 'response') replay.expect(entry.bytes);
      else if (entry.kind === 'response-end') replay.expectEnd();
      else if (entry.kind === 'request-end') replay.sent();
    }
    return { header: conversation.header, ...(await replay.finish()) };
  } finally {
    transport.destroy();
  }
}

/** A UDF of this process on the other end of a transport in memory. */
function inMemory(definition: UdfDefinition, logger: Logger): Transport {
  const [agentSide, kapacitorSide] = memoryTransportPair();
  createAgent({ definition, transport: agentSide, logger });
  return kapacitorSide;
}

/** So many requests are sent before it is asked how far the UDF has come. */
const requestsAhead = 2_000;

class Replay {
  readonly #transport: Transport;
  readonly #answerTimeoutMs: number;
  readonly #comparison: AnswerComparison;
  readonly #requests: FrameReader;
  readonly #recorded: AnswerReader;
  readonly #waiters = new WaitList();
  /** For each info that was asked for and not answered, whether it was recorded. */
  readonly #infos: boolean[] = [];
  #frames: Buffer[] = [];
  #task: string | undefined;
  #node: string | undefined;
  #sent = 0;
  #sinceAsked = 0;
  /** The UDF has closed its side: no more comes from it. */
  #ended = false;
  /** The UDF cannot be written to any more. */
  #deaf = false;
  /** Kapacitor had half-closed; and the UDF had ended before that. */
  #allSent = false;
  #endRecorded = false;
  /** The recorded answers cannot be read any further. */
  #unreadable = false;
  #failure: string | undefined;

  constructor(transport: Transport, options: ConversationReplayOptions) {
    const { onDifference, answerTimeoutMs = 10_000, tolerance = 0 } = options;
    this.#transport = transport;
    this.#answerTimeoutMs = answerTimeoutMs;
    const comparison = new AnswerComparison(onDifference ?? (() => undefined), tolerance);
    this.#comparison = comparison;
    this.#requests = new FrameReader(Infinity, (buf, frame, payload, end) => {
      this.#request(buf, frame, payload, end);
    });
    this.#recorded = new AnswerReader((answer) => {
      comparison.expect(answer);
    });
    const actual = new AnswerReader(
      (answer) => {
        comparison.came(answer);
      },
      () => this.#infos.shift() ?? true,
    );
    const { input, output } = transport;
    input.on('data', (bytes: Buffer) => {
      if (this.#ended) return;
      try {
        actual.push(bytes);
      } catch (reason) {
        this.#end(`the UDF sent what is no answer: ${messageOf(reason)}`);
      }
      this.#waiters.check();
    });
    input.once('end', () => {
      this.#end();
    });
    input.once('close', () => {
      this.#end();
    });
    for (const stream of new Set([input, output])) {
      // A child process that is gone is first seen where it is written to; what it has said before is still to come.
      stream.on('error', (reason) => {
        this.#deaf = true;
        this.#failure ??= `the connection to the UDF broke: ${messageOf(reason)}`;
        this.#waiters.check();
      });
    }
    if (input.readableEnded || input.destroyed) this.#end(); // gone already
    output.on('drain', () => {
      this.#waiters.check();
    });
  }

  /** Bytes that Kapacitor had sent. */
  async send(bytes: Buffer): Promise<void> {
    this.#requests.push(bytes);
    await this.#flush();
    if (this.#sinceAsked < requestsAhead) return;
    this.#sinceAsked = 0;
    await this.#ask();
  }

  /** Bytes that the UDF had answered. */
  expect(bytes: Buffer): void {
    if (this.#unreadable) return;
    try {
      this.#recorded.push(bytes);
    } catch (reason) {
      if (!(reason instanceof UdfError)) throw reason;
      this.#unreadable = true; // what was recorded was broken; what comes now is compared with what came before that
    }
  }

  expectEnd(): void {
    this.#endRecorded ||= !this.#allSent;
  }

  sent(): void {
    this.#allSent = true;
  }

  async finish(): Promise<Omit<ConversationReplay, 'header'>> {
    // After the half-close an end is as it should be: one that came before the last request was read shows only now.
    if (!this.#endRecorded) await this.#ask();
    const early = this.#ended && !this.#endRecorded;
    if (early) this.#failure ??= `the UDF closed the connection within the first ${this.#sent} requests`;
    if (!this.#ended) {
      if (!this.#deaf) this.#transport.output.end();
      await this.#until(() => this.#ended, 'the UDF did not end after the half-close');
    }
    this.#comparison.finish();
    const { same, missing, extra } = this.#comparison;
    return {
      task: this.#task,
      node: this.#node,
      requests: this.#sent,
      same,
      missing,
      extra,
      failure: this.#failure,
    };
  }

  #request(buf: Buffer, frame: number, payload: number, end: number): void {
    if (this.#deaf) return;
    this.#sent++;
    this.#sinceAsked++;
    this.#frames.push(buf.subarray(frame, end));
    if (buf[payload] === infoTag) this.#infos.push(true);
    if (buf[payload] !== initTag) return;
    const request = decodeRequest(buf.subarray(payload, end));
    if (request.kind === 'init') {
      this.#task = request.taskID;
      this.#node = request.nodeID;
    }
  }

  /** Asks how far the UDF has come, and waits until it is there. */
  async #ask(): Promise<void> {
    if (this.#deaf) return;
    this.#infos.push(false);
    const own = this.#infos;
    this.#frames.push(encodeRequest({ kind: 'info' }));
    await this.#flush();
    await this.#until(
      () => this.#deaf || !own.includes(false),
      'the UDF did not answer a request for its info',
    );
  }

  async #flush(): Promise<void> {
    const frames = this.#frames;
    this.#frames = [];
    const { output } = this.#transport;
    if (this.#deaf || frames.length === 0) return;
    if (output.write(Buffer.concat(frames))) return;
    await this.#until(() => this.#deaf || !output.writableNeedDrain, 'the UDF does not read');
  }

  /** Waits for the UDF; if it takes too long, the conversation is over. */
  async #until(done: () => boolean, problem: string): Promise<void> {
    try {
      await this.#waiters.until(done, this.#answerTimeoutMs);
    } catch {
      this.#end(`${problem} within ${this.#answerTimeoutMs} ms`);
    }
  }

  #end(failure?: string): void {
    if (!this.#ended) this.#failure ??= failure;
    this.#ended = true;
    this.#deaf = true;
    this.#waiters.check();
  }
}

/** The first byte of these requests. */
const infoTag = 0x0a;
const initTag = 0x12;
