import type { KapacitorApi } from '../kapacitor/api.js';
import { messageOf, UdfError } from '../model/errors.js';
import { formatArgument, type OptionArgument, type OptionType } from '../model/option-call.js';
import type { ExpectedSocket, Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('info');
const restart = 'restart Kapacitor while the host runs: it asks each UDF once, at its start';

/** No node has it, so that Kapacitor never takes a script with it, and no task is made. */
const endMark = 'kapacitorUdfDoctor';

/**
 * Compares what Kapacitor knows of each UDF, as of its own start, with what the UDF answers now. Kapacitor does not show what
 * it knows, but checks the options of a script when it is defined, before all else: scripts that it must refuse show by the
 * reason how far it got.
 */
export async function checkCachedInfo({ server, sockets }: Facts): Promise<Finding[]> {
  if (!server) return [];
  const answering = sockets.filter(({ answer }) => answer.ok);
  const found: Finding[] = [];
  for (const socket of answering) {
    try {
      found.push(...(await differences(server.api, socket)));
    } catch (reason) {
      if (reason instanceof UdfError && reason.code === 'connection') {
        // Each further request would take as long as the time limit.
        found.push(noAnswer(server.api.url, socket.name, reason));
        break;
      }
      found.push(
        finding(
          'note',
          server.api.url,
          `what Kapacitor knows of @${socket.name} cannot be seen: ${messageOf(reason)}`,
          'give credentials of a user who may define tasks',
        ),
      );
    }
  }
  return found;
}

function noAnswer(url: string, udf: string, { message }: UdfError): Finding {
  return finding(
    'error',
    url,
    `${message}; what Kapacitor knows of @${udf}, and of the UDFs after it, is not checked`,
    'look into the log of Kapacitor, and restart it if it hangs; --timeout allows a slow one more time',
  );
}

async function differences(
  api: Pick<KapacitorApi, 'scriptProblem'>,
  socket: ExpectedSocket,
): Promise<Finding[]> {
  const { name, answer } = socket;
  if (!answer.ok) return [];
  const problem = (
    options: readonly (readonly [string, readonly OptionType[]])[],
  ): Promise<string | undefined> =>
    api.scriptProblem(
      'stream',
      `stream|from()@${name}()${options.map(optionCall).join('')}|window().${endMark}()`,
    );
  const options = Object.entries(answer.options);
  const reason = (await problem(options)) ?? '';
  const provides = providedEdge(reason);
  if (provides === answer.provides) return [];
  if (provides !== undefined) {
    return [
      finding(
        'error',
        `@${name}`,
        `Kapacitor takes it for a UDF that provides a ${provides}, but it provides a ${answer.provides} now`,
        restart,
      ),
    ];
  }
  if (reason.includes(`no method or property "${name}" on *pipeline.FromNode`)) {
    return [
      finding(
        'error',
        `@${name}`,
        'Kapacitor does not know it: its section came into the configuration after the start of Kapacitor',
        restart,
      ),
    ];
  }
  const found: Finding[] = [];
  for (const option of options) {
    const why = (await problem([option])) ?? '';
    if (providedEdge(why) !== undefined) continue;
    const [called] = option;
    found.push(
      finding(
        'error',
        `@${name}().${called}()`,
        why.includes(`no method or property "${called}"`)
          ? 'Kapacitor does not know this option, which the UDF has now'
          : `Kapacitor knows this option with other arguments than the UDF has now: ${shortened(why)}`,
        restart,
      ),
    );
  }
  return found;
}

/** What a UDF whose options are as expected provides, by how Kapacitor refuses the window behind it. */
function providedEdge(reason: string): 'stream' | 'batch' | undefined {
  if (reason.includes(`no method or property "${endMark}"`)) return 'stream';
  return reason.includes('cannot Window batch edge') ? 'batch' : undefined;
}

/** Kapacitor's reason without the place in a script that no user has written. */
function shortened(reason: string): string {
  return reason.replace(/^invalid TICKscript: line \d+ char \d+: /, '');
}

const examples: Readonly<Record<OptionType, OptionArgument>> = {
  bool: { type: 'bool', value: true },
  int: { type: 'int', value: 1n },
  double: { type: 'double', value: 1 },
  string: { type: 'string', value: '' },
  duration: { type: 'duration', value: 1_000_000_000n },
};

function optionCall([name, types]: readonly [string, readonly OptionType[]]): string {
  return `.${name}(${types.map((type) => formatArgument(examples[type])).join(', ')})`;
}
