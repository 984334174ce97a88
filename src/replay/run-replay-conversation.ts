import { UdfError } from '../model/errors.js';
import { openConversationFile } from '../recording/conversation/open.js';
import { createLogger } from '../telemetry/create-logger.js';
import { type ConversationReplay, replayConversation } from './replay-conversation.js';
import { ExitCode } from '../cli/exit-code.js';
import type { LogOptions } from '../cli/options.js';
import { type AgentChoice, agentOf } from './agent.js';

/** The options of `replay` that a conversation takes, and those that it does not. */
export interface ReplayConversationOptions extends AgentChoice, LogOptions {
  /** Take a conversation whose recording was cut off as far as it goes. */
  readonly skipBad?: true;
  readonly speed?: number;
  readonly set?: unknown;
  readonly format?: unknown;
  readonly out?: unknown;
  readonly expect?: unknown;
  readonly html?: unknown;
}

/** A conversation has its own options and expectations, and its difference is what is printed. */
const unfit = ['set', 'format', 'out', 'expect', 'html'] as const;

/** How far doubles may be apart, as a part of what was recorded: others may add in another order. */
const tolerance = 1e-12;

/**
 * Replays a recorded conversation against a UDF: the difference on standard output, a summary on standard error. Throws
 * `ExitCode` 1 if there is a difference or the conversation did not come to its end.
 */
export async function runReplayConversation(file: string, options: ReplayConversationOptions): Promise<void> {
  const given = unfit.find((name) => options[name] !== undefined) ?? (options.speed !== Infinity && 'speed');
  if (given) {
    throw new UdfError(
      'usage',
      `--${given} is for recordings of points; ${file} is a conversation, which has its own options and answers`,
    );
  }
  const conversation = await openConversationFile(file, { cutOff: options.skipBad ?? false });
  const result = await replayConversation(conversation, await agentOf(options), {
    tolerance,
    logger: createLogger({ level: options.logLevel }),
    onDifference: (line) => process.stdout.write(`${line}\n`),
  });
  process.stderr.write(`${summary(result)}\n`);
  await new Promise<void>((written) => {
    process.stdout.write('', () => {
      written();
    });
  });
  if (result.missing + result.extra > 0 || result.failure !== undefined) throw new ExitCode(1);
}

function summary({ task, node, requests, same, missing, extra, failure }: ConversationReplay): string {
  const use = task === undefined ? '' : `task ${task}, node ${node}: `;
  const answers = `${same} answers as recorded, ${missing} missing, ${extra} extra`;
  return `${use}${requests} requests, ${answers}${failure === undefined ? '' : `; ${failure}`}`;
}
