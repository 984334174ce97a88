import { UdfError } from '../model/errors.js';
import type { EdgeType } from '../model/values.js';
import { connectProblem, dialUnix } from '../transport/dial-unix.js';
import type { InfoMessage } from '../wire/messages.js';
import { createKapacitorPeer } from './kapacitor-peer.js';
import { ProtocolFailure } from './protocol-failure.js';

/** The UDF that answers on a socket. */
export interface ProbeResult {
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  readonly options: InfoMessage['options'];
  /** Milliseconds from connecting to the last answer. */
  readonly ms: number;
}

/** Answers to Info and keepalive are short. */
const maxMessageBytes = 16 * 1024 * 1024;

/**
 * Connects to a UDF's socket, and requests Info and a keepalive as Kapacitor does. Throws `socket_failed` if it cannot
 * connect or the answers take longer than `timeoutMs`, and `protocol` for an answer that Kapacitor would not accept.
 */
export async function probeSocket(path: string, timeoutMs: number): Promise<ProbeResult> {
  const started = performance.now();
  const transport = await dialUnix(path).catch((cause: unknown) => {
    throw new UdfError('socket_failed', connectProblem(cause), { cause });
  });
  const peer = createKapacitorPeer(transport, {
    keepaliveTimeoutMs: 0,
    answerTimeoutMs: timeoutMs,
    maxMessageBytes,
    writes: 'coalesced',
  });
  try {
    const [{ wants, provides, options }] = await Promise.all([peer.info(), peer.keepalive()]);
    return { wants, provides, options, ms: Math.round((performance.now() - started) * 10) / 10 };
  } catch (reason) {
    throw reason instanceof ProtocolFailure ? probeError(reason) : reason;
  } finally {
    peer.abort();
  }
}

function probeError(failure: ProtocolFailure): UdfError {
  switch (failure.rule) {
    case 'error-response':
      return new UdfError('protocol', `it answers with an error: ${failure.detail}`, { cause: failure });
    case 'missing-response':
    case 'early-eof':
    case 'connection-lost':
      return new UdfError('socket_failed', failure.detail, { cause: failure });
    default:
      return new UdfError('protocol', failure.detail, { cause: failure });
  }
}
