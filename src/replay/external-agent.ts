import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { ProtocolFailure, type ProtocolRule } from '../peer/protocol-failure.js';
import { dialUnix } from '../transport/dial-unix.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';

/** The target of a replay: a UDF in this process, an agent on a Unix socket, or an agent started by a shell command. */
export type ReplayAgent =
  { readonly udf: UdfDefinition } | { readonly socket: string } | { readonly exec: string };

/** An agent's name for messages and pages. */
export function nameOfAgent(agent: ReplayAgent): string {
  if ('udf' in agent) return agent.udf.name;
  return 'socket' in agent ? agent.socket : agent.exec;
}

/**
 * Returns the definition, or connects to the agent. A command inherits standard error.
 *
 * Rejects with `connection` if nothing listens on the socket.
 */
export async function openAgent(agent: ReplayAgent): Promise<UdfDefinition | Transport> {
  if ('udf' in agent) return agent.udf;
  return 'socket' in agent ? connect(agent.socket) : startCommand(agent.exec);
}

async function connect(path: string): Promise<Transport> {
  try {
    return await dialUnix(path);
  } catch (cause) {
    const code = systemCode(cause);
    const problem =
      code === 'ENOENT'
        ? 'there is no such socket'
        : code === 'ECONNREFUSED'
          ? 'nothing listens there'
          : messageOf(cause);
    throw new UdfError('connection', `cannot connect to ${path}: ${problem}`, { cause });
  }
}

interface StartedAgent extends Transport {
  /** Resolves with how the command ended; `undefined` if `destroy` ended it. */
  readonly ended: Promise<string | undefined>;
}

function startCommand(command: string): StartedAgent {
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

/** Failures that the exit of a command causes. */
const exitRules: ReadonlySet<ProtocolRule> = new Set([
  'connection-lost',
  'early-eof',
  'missing-response',
  'truncated-response',
]);

const maxExitDelayMs = 1_000;

/** Returns a replay's error, or one with the exit status of the agent's command if its exit is the cause. */
export async function withExitStatus(reason: unknown, agent: UdfDefinition | Transport): Promise<unknown> {
  if (!(reason instanceof ProtocolFailure) || !exitRules.has(reason.rule) || !('ended' in agent))
    return reason;
  const { ended } = agent as StartedAgent; // only commands have `ended`
  // The exit may be reported after the end of the streams, or never if the command still runs.
  const how = await Promise.race([ended, wait(maxExitDelayMs, undefined, { ref: false })]);
  if (how === undefined) return reason;
  const message = `the command of --exec ${how} before the replay was over`;
  return new UdfError('connection', message, { cause: reason });
}
