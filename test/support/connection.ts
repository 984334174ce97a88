import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Agent, type AgentOptions, createAgent } from '../../src/agent/agent.js';
import { dialUnix } from '../../src/transport/dial-unix.js';
import {
  createKapacitorPeer,
  type KapacitorPeer,
  type KapacitorPeerOptions,
} from '../../src/peer/kapacitor-peer.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import { socketTransport } from '../../src/transport/socket-transport.js';
import type { Transport } from '../../src/transport/transport.js';
import type { UdfDefinition } from '../../src/udf/definition.js';

/** What an agent is made with besides its definition and its connection. */
export type AgentSettings = Omit<Partial<AgentOptions>, 'definition' | 'transport' | 'logger'>;

/** An agent and what it logs. */
export interface TestAgent {
  readonly agent: Agent;
  readonly log: LogLine[];
}

function agentOn(transport: Transport, definition: UdfDefinition, settings: AgentSettings): TestAgent {
  const log: LogLine[] = [];
  const agent = createAgent({ ...settings, definition, transport, logger: memoryLogger(log) });
  onTestFinished(() => {
    agent.destroy();
  });
  return { agent, log };
}

/** An agent and the other end of its connection, both in memory. */
export function agentInMemory(
  definition: UdfDefinition,
  settings: AgentSettings = {},
): TestAgent & { readonly transport: Transport } {
  const [agentSide, transport] = memoryTransportPair();
  return { ...agentOn(agentSide, definition, settings), transport };
}

/** An agent and Kapacitor, connected in memory. */
export function kapacitorInMemory(
  definition: UdfDefinition,
  settings: AgentSettings = {},
  options: KapacitorPeerOptions = {},
): TestAgent & { readonly kapacitor: KapacitorPeer } {
  const { agent, log, transport } = agentInMemory(definition, settings);
  return { agent, log, kapacitor: createKapacitorPeer(transport, options) };
}

/** A Unix socket on which a UDF is served. */
export interface UdfSocket {
  readonly path: string;
  /** The agents of the connections so far. */
  readonly served: readonly TestAgent[];
  dial(): Promise<Transport>;
  /** Connects as Kapacitor. */
  kapacitor(options?: KapacitorPeerOptions): Promise<KapacitorPeer>;
}

/** Serves a UDF on a real Unix socket for the length of a test. */
export async function udfSocket(definition: UdfDefinition, settings: AgentSettings = {}): Promise<UdfSocket> {
  const directory = await mkdtemp(join(tmpdir(), 'udf-'));
  const path = join(directory, 'udf.sock');
  const served: TestAgent[] = [];
  const dialled: Transport[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(agentOn(socketTransport(socket, 'unix'), definition, settings));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  onTestFinished(async () => {
    for (const transport of dialled) transport.destroy();
    for (const { agent } of served) agent.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });
  const dial = async (): Promise<Transport> => {
    const transport = await dialUnix(path);
    dialled.push(transport);
    return transport;
  };
  return { path, served, dial, kapacitor: async (options) => createKapacitorPeer(await dial(), options) };
}
