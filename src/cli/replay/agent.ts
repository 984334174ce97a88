import { spawn } from 'node:child_process';
import { messageOf, systemCode, UdfError } from '../../errors.js';
import { dialUnix } from '../../testkit/dial.js';
import type { Transport } from '../../transport/transport.js';
import type { UdfDefinition } from '../../udf/definition.js';
import { availableUdfs, chooseUdfs } from '../available-udfs.js';
import { UsageError } from '../usage-error.js';

/** Which agent is meant. */
export interface AgentChoice {
  readonly udf?: string;
  readonly socket?: string;
  readonly exec?: string;
  readonly load?: readonly string[];
}

/** What a recording is replayed against. Throws `UsageError` unless exactly one agent is meant. */
export async function agentOf(choice: AgentChoice): Promise<UdfDefinition | Transport> {
  const { udf, socket, exec, load } = choice;
  if ([udf, socket, exec].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError('say what to replay against: one of --udf NAME, --socket PATH and --exec COMMAND');
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

/** An agent on the standard input and output of a command; what it logs goes to our standard error. */
function started(command: string): Transport {
  const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'inherit'] });
  return {
    description: command,
    input: child.stdout,
    output: child.stdin,
    destroy: () => {
      child.stdin.destroy();
      child.stdout.destroy();
      child.kill();
    },
  };
}
