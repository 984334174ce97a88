import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { ProtocolFailure, type ProtocolRule } from '../peer/protocol-failure.js';
import { dialUnix } from '../transport/dial-unix.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';

/** What a recording is replayed against: a UDF in this process, the agent on a Unix socket, or one that a command starts. */
export type ReplayAgent =
  { readonly udf: UdfDefinition } | { readonly socket: string } | { readonly exec: string };

/** How messages and pages call an agent. */
export function nameOfAgent(agent: ReplayAgent): string {
  if ('udf' in agent) return agent.udf.name;
  return 'socket' in agent ? agent.socket : agent.exec;
}

/**
 * The definition itself, or a connection to the agent. A command's standard error is passed on to ours.
 *
 * Rejects with `connection` if nothing answers on the socket.
 */
export async function openAgent(agent: ReplayAgent): Promise<UdfDefinition | Transport> {
  if ('udf' in agent) return agent.udf;
  return 'socket' in agent ? dial(agent.socket) : start(agent.exec);
}

async function dial(path: string): Promise<Transport> {
  try {
    return await dialUnix(path);
  } catch (cause) {
    const code = systemCode(cause);
    const why =
      code === 'ENOENT'
        ? 'there is no such socket'
        : code === 'ECONNREFUSED'
          ? 'nothing listens there'
          : messageOf(cause);
    throw new UdfError('connection', `cannot connect to ${path}: ${why}`, { cause });
  }
}

interface StartedAgent extends Transport {
  /** Resolves with how the command ended, or with `undefined` if `destroy` ended it. */
  readonly ended: Promise<string | undefined>;
}

function start(command: string): StartedAgent {
  const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'inherit'] });
  let destroyed = false;
  return {
    description: command,
    input: child.stdout,
    output: child.stdin,
    ended: new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (signal === null) resolve(`ended with exit code ${code}`);
        else resolve(destroyed ? undefined : `was ended by ${signal}`);
      });
    }),
    destroy: () => {
      child.stdin.destroy();
      child.stdout.destroy();
      destroyed = true;
      child.kill();
    },
  };
}

/** What the peer sees of a command that has ended. */
const endedRules: ReadonlySet<ProtocolRule> = new Set([
  'connection-lost',
  'early-eof',
  'missing-response',
  'truncated-response',
]);

/** The reason why a replay failed; if the agent's command ended, an error that says how. */
export async function explainFailure(reason: unknown, agent: UdfDefinition | Transport): Promise<unknown> {
  if (!(reason instanceof ProtocolFailure) || !endedRules.has(reason.rule) || !('ended' in agent))
    return reason;
  const { ended } = agent as StartedAgent; // only commands have `ended`
  // The exit may be reported after the streams' end, and a command that still runs never reports one.
  const how = await Promise.race([ended, wait(1_000, undefined, { ref: false })]);
  if (how === undefined) return reason;
  const message = `the command of --exec ${how} before the replay was over`;
  return new UdfError('connection', message, { cause: reason });
}
