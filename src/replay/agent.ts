import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { dialUnix } from '../transport/dial-unix.js';
import { ProtocolFailure, type ProtocolRule } from '../peer/protocol-failure.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';
import { availableUdfs, chooseUdfs } from '../cli/available-udfs.js';

/** Which agent is meant. */
export interface AgentChoice {
  readonly udf?: string;
  readonly socket?: string;
  readonly exec?: string;
  readonly load?: readonly string[];
}

/** What a recording is replayed against. Throws `usage` unless exactly one agent is meant. */
export async function agentOf(choice: AgentChoice): Promise<UdfDefinition | Transport> {
  const { udf, socket, exec, load } = choice;
  if ([udf, socket, exec].filter((given) => given !== undefined).length !== 1) {
    throw new UdfError(
      'usage',
      'say what to replay against: one of --udf NAME, --socket PATH and --exec COMMAND',
    );
  }
  if (udf !== undefined) return chooseUdfs(await availableUdfs(load), [udf])[0]!;
  return socket === undefined ? started(exec!) : dialled(socket);
}

async function dialled(path: string): Promise<Transport> {
  try {
    return await dialUnix(path);
  } catch (cause) {
    const code = systemCode(cause);
    const why =
      code === 'ENOENT'
        ? 'there is no such socket'
        : code === 'ECONNREFUSED'
          ? 'nobody answers there'
          : messageOf(cause);
    throw new UdfError('connection', `cannot connect to ${path}: ${why}`, { cause });
  }
}

/** An agent that a command has started. */
interface StartedAgent extends Transport {
  /** Resolves with how the command ended by itself; with nothing if it was we who ended it. */
  readonly ended: Promise<string | undefined>;
}

/** An agent on the standard input and output of a command; what it logs goes to our standard error. */
function started(command: string): StartedAgent {
  const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'inherit'] });
  let killed = false;
  return {
    description: command,
    input: child.stdout,
    output: child.stdin,
    ended: new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (signal === null) resolve(`ended with exit code ${code}`);
        else resolve(killed ? undefined : `was ended by ${signal}`);
      });
    }),
    destroy: () => {
      child.stdin.destroy();
      child.stdout.destroy();
      killed = true;
      child.kill();
    },
  };
}

/** A failure of a replay; where it is that a command is gone, with how it ended. */
export async function explained(reason: unknown, agent: UdfDefinition | Transport): Promise<unknown> {
  if (!(reason instanceof ProtocolFailure) || !goneRules.has(reason.rule) || !('ended' in agent))
    return reason;
  // Only those have it. A command that lives on, whatever it is told, did not end.
  const how = await Promise.race([(agent as StartedAgent).ended, wait(1_000, undefined, { ref: false })]);
  if (how === undefined) return reason;
  const message = `the command of --exec ${how} before the replay was over`;
  return new UdfError('connection', message, { cause: reason });
}

/** What is seen of an agent that is gone. */
const goneRules: ReadonlySet<ProtocolRule> = new Set([
  'connection-lost',
  'early-eof',
  'missing-response',
  'truncated-response',
]);
