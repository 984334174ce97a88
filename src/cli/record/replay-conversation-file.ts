import { openConversationFile } from '../../recording/conversation/open.js';
import { type ConversationReplay, replayConversation } from '../../testkit/replay-conversation.js';
import type { Transport } from '../../transport/transport.js';
import { ExitCode } from '../exit-code.js';

export interface ReplayConversationOptions {
  /** How far doubles may be from those that were recorded, as a part of them. */
  readonly tolerance?: number | undefined;
  /** Take a conversation whose recording was cut off as far as it goes. */
  readonly cutOff?: boolean | undefined;
}

/**
 * Replays a recorded conversation on a connection to a UDF: the difference on standard output, a summary on standard
 * error. Throws `ExitCode` 1 if there is a difference or the conversation did not come to its end.
 */
export async function replayConversationFile(
  file: string,
  transport: Transport,
  { tolerance, cutOff }: ReplayConversationOptions = {},
): Promise<void> {
  const result = await replayConversation(await openConversationFile(file, { cutOff }), transport, {
    tolerance,
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
