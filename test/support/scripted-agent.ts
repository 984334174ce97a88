import type { Transport } from '../../src/transport/transport.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { decodeRequest, encodeResponse, type Request, type Response } from '../../src/wire/messages.js';

/** The agent's side of the protocol, valid or not: what `KapacitorPeer` is tested against. */
export interface ScriptedAgent {
  send(...responses: readonly Response[]): void;
  write(bytes: Uint8Array): void;
  /** Closes its side. */
  end(): void;
}

/** What the agent does at each request, and at the half-close. */
export interface Script {
  readonly on?: Partial<Record<Request['kind'], (agent: ScriptedAgent, request: Request) => void>>;
  readonly halfClosed?: (agent: ScriptedAgent) => void;
}

/** Connects to an agent that follows the protocol except where its script replaces an answer. */
export function scriptedAgent({ on = {}, halfClosed }: Script): Transport {
  const [agentSide, kapacitorSide] = memoryTransportPair();
  const { input, output } = agentSide;
  const agent: ScriptedAgent = {
    send: (...responses) => {
      for (const response of responses) output.write(encodeResponse(response));
    },
    write: (bytes) => {
      output.write(bytes);
    },
    end: () => {
      output.end();
    },
  };
  const reader = new FrameReader(Infinity, (buf, _frame, payload, end) => {
    const request = decodeRequest(buf.subarray(payload, end));
    (on[request.kind] ?? wellBehaved[request.kind])?.(agent, request);
  });
  input.on('data', (chunk: Buffer) => {
    reader.push(chunk);
  });
  input.on('end', () => {
    if (halfClosed) halfClosed(agent);
    else output.end();
  });
  for (const stream of new Set([input, output])) stream.on('error', () => undefined);
  return kapacitorSide;
}

const wellBehaved: NonNullable<Script['on']> = {
  info: (agent) => {
    agent.send({ kind: 'info', wants: 'stream', provides: 'stream', options: {} });
  },
  init: (agent) => {
    agent.send({ kind: 'init', success: true, error: '' });
  },
  keepalive: (agent, request) => {
    agent.send({ kind: 'keepalive', time: (request as Request & { kind: 'keepalive' }).time });
  },
  snapshot: (agent) => {
    agent.send({ kind: 'snapshot', snapshot: Buffer.of(1) });
  },
  restore: (agent) => {
    agent.send({ kind: 'restore', success: true, error: '' });
  },
};
