import { type Agent, type AgentOptions, createAgent } from '../../src/agent/agent.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import {
  decodeResponse,
  encodeRequest,
  type OptionMessage,
  type Request,
  type Response,
} from '../../src/wire/messages.js';
import { silentLogger } from './silent-logger.js';
import {
  batchesOf,
  batchRequests,
  optionCalls,
  pointOf,
  pointRequest,
  type TestBatch,
  type TestOptions,
  type TestPoint,
} from './udf-messages.js';

/** Kapacitor's side of one conversation with a UDF in this process: real agent, real frames, no socket. */
export class UdfRun {
  readonly agent: Agent;
  /** Everything the agent sent, decoded, and each frame as its bytes. */
  readonly responses: Response[] = [];
  readonly frames: Buffer[] = [];
  readonly #send: (bytes: Buffer) => void;
  readonly #finish: () => void;
  readonly #ended: Promise<void>;
  #waiting: { readonly kind: Response['kind']; readonly resolve: (response: Response) => void } | undefined;

  constructor(definition: UdfDefinition, options: Partial<AgentOptions> = {}) {
    const [agentSide, kapacitorSide] = memoryTransportPair();
    this.agent = createAgent({ definition, transport: agentSide, logger: silentLogger, ...options });
    this.#send = (bytes) => void kapacitorSide.output.write(bytes);
    this.#finish = () => void kapacitorSide.output.end();
    const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
      this.frames.push(Buffer.from(buf.subarray(frame, end)));
      this.#receive(decodeResponse(buf.subarray(payload, end)));
    });
    kapacitorSide.input.on('data', (chunk: Buffer) => {
      reader.push(chunk);
    });
    this.#ended = new Promise((resolve) => kapacitorSide.input.once('end', resolve));
  }

  /** Initializes the UDF. Rejects with its message if it refuses. */
  async init(options: readonly OptionMessage[]): Promise<void> {
    const answer = await this.#ask({ kind: 'init', taskID: 'task', nodeID: 'node', options }, 'init');
    if (!answer.success) throw new Error(answer.error);
  }

  send(...requests: readonly Request[]): void {
    this.#send(Buffer.concat(requests.map(encodeRequest)));
  }

  async snapshot(): Promise<Uint8Array> {
    return (await this.#ask({ kind: 'snapshot' }, 'snapshot')).snapshot;
  }

  /** Restores a snapshot. Rejects if the UDF refuses. */
  async restore(snapshot: Uint8Array): Promise<void> {
    const answer = await this.#ask({ kind: 'restore', snapshot }, 'restore');
    if (!answer.success) throw new Error(answer.error);
  }

  /** Half-closes, as Kapacitor does, and waits until the agent has sent all and closed. Rejects if it sent an error. */
  async stop(): Promise<void> {
    this.#finish();
    await this.#ended;
    await this.agent.closed;
    for (const response of this.responses) if (response.kind === 'error') throw new Error(response.error);
  }

  /** The points that came so far. */
  get points(): Required<TestPoint>[] {
    return this.responses.flatMap((response) => (response.kind === 'point' ? [pointOf(response)] : []));
  }

  #ask<Kind extends Response['kind']>(
    request: Request,
    kind: Kind,
  ): Promise<Extract<Response, { kind: Kind }>> {
    const answer = new Promise<Response>((resolve) => {
      this.#waiting = { kind, resolve };
    });
    this.send(request);
    const lost = this.#ended.then((): never => {
      throw new Error(`the agent closed the connection without an answer to ${request.kind}`);
    });
    return Promise.race([answer, lost]) as Promise<Extract<Response, { kind: Kind }>>;
  }

  #receive(response: Response): void {
    this.responses.push(response);
    if (response.kind === this.#waiting?.kind) this.#waiting.resolve(response);
  }
}

/** A UDF that is initialized and waits for points. Rejects with the UDF's message if it refuses the options. */
export async function startUdf(
  definition: UdfDefinition,
  options: TestOptions = {},
  agentOptions: Partial<AgentOptions> = {},
): Promise<UdfRun> {
  const run = new UdfRun(definition, agentOptions);
  await run.init(optionCalls(definition, options));
  return run;
}

/** What a run came to. */
export interface UdfResult {
  readonly points: readonly Required<TestPoint>[];
  readonly batches: readonly TestBatch[];
  /** The UDF's own counters. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Runs points through a UDF and returns what comes out once it has stopped. */
export async function runPoints(
  definition: UdfDefinition,
  options: TestOptions,
  points: readonly TestPoint[],
): Promise<UdfResult> {
  const run = await startUdf(definition, options);
  run.send(...points.map(pointRequest));
  return finish(run);
}

/** Runs batches through a UDF and returns what comes out once it has stopped. */
export async function runBatches(
  definition: UdfDefinition,
  options: TestOptions,
  batches: readonly TestBatch[],
): Promise<UdfResult> {
  const run = await startUdf(definition, options);
  run.send(...batches.flatMap(batchRequests));
  return finish(run);
}

/**
 * As `runPoints`, but after `before` points the UDF is ended and another one, perhaps with other options, goes on with
 * its snapshot.
 */
export async function runWithRestart(
  definition: UdfDefinition,
  options: TestOptions,
  points: readonly TestPoint[],
  before: number,
  optionsAfter = options,
): Promise<Required<TestPoint>[]> {
  const first = await startUdf(definition, options);
  first.send(...points.slice(0, before).map(pointRequest));
  const snapshot = await first.snapshot();
  await first.stop();
  const second = await startUdf(definition, optionsAfter);
  await second.restore(snapshot);
  second.send(...points.slice(before).map(pointRequest));
  await second.stop();
  return [...first.points, ...second.points];
}

/** With what message a UDF refuses these options. */
export async function refusal(definition: UdfDefinition, options: TestOptions): Promise<string> {
  const run = new UdfRun(definition);
  const message = await run.init(optionCalls(definition, options)).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
  await run.stop();
  if (message === undefined) throw new Error('the options were accepted');
  return message;
}

async function finish(run: UdfRun): Promise<UdfResult> {
  await run.stop();
  const streamed = run.agent.stats.batchesOut === 0;
  return {
    points: run.points,
    batches: streamed ? [] : batchesOf(run.responses),
    counters: run.agent.stats.counters,
  };
}
