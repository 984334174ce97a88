import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { ConnectOptions, ServedUdf, servedUdfs } from '../../src/host/served-udf.js';
import { createKapacitorPeer, type KapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import type { TestAgent } from './connection.js';

/** The built code: a worker thread cannot run the sources. */
const built = new URL('../../dist/src/host/served-udf.js', import.meta.url).href;

/** The UDFs of a module, without isolation, from the same built code. */
export async function plainUdfs(module: URL): Promise<ReadonlyMap<string, ServedUdf>> {
  const code = (await import(built)) as { readonly servedUdfs: typeof servedUdfs };
  return code.servedUdfs([fileURLToPath(module)], undefined, memoryLogger([]));
}

/** The UDFs of a module, each of which runs in workers. Tests share them: loading takes a worker too. */
export async function isolatedUdfs(
  module: URL,
  maxMemoryBytes: number = 256 * 1024 * 1024,
): Promise<ReadonlyMap<string, ServedUdf>> {
  const code = (await import(built)) as { readonly servedUdfs: typeof servedUdfs };
  const isolation = { udfs: 'all', maxMemoryBytes } as const;
  return code.servedUdfs([fileURLToPath(module)], isolation, memoryLogger([]));
}

/** An isolated agent and Kapacitor, connected in memory. */
export function isolatedInMemory(
  udf: ServedUdf,
  settings: Omit<ConnectOptions, 'transport' | 'logger'> = {},
): TestAgent & { readonly kapacitor: KapacitorPeer } {
  const [transport, other] = memoryTransportPair();
  const log: LogLine[] = [];
  const agent = udf.connect({ ...settings, transport, logger: memoryLogger(log) });
  onTestFinished(async () => {
    agent.destroy();
    await agent.closed;
  });
  return { agent, log, kapacitor: createKapacitorPeer(other, { answerTimeoutMs: 15_000 }) };
}
