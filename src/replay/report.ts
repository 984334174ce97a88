import { counted } from '../model/text.js';
import type { ConversationReplay } from './replay-conversation.js';
import { countsOf, type FileReplay } from './replay-file.js';

/** The result of a replay as parts of a text, each of which stays on one line: `17 points in,`, `6 points out;`, … */
export function replaySummary(result: FileReplay): readonly string[] {
  const { pointsIn, seconds } = result;
  const counts = countsOf(result);
  const rate = Math.round(pointsIn / seconds).toLocaleString('en');
  return [
    ...counts.map((count, index) => `${count}${index < counts.length - 1 ? ',' : ';'}`),
    `${seconds.toFixed(2)} s, ${rate} points/s`,
  ];
}

/** What the page `file` leaves out; `undefined` if it shows all. */
export function pageNote({ notOnPage }: FileReplay, file: string): string | undefined {
  if (notOnPage === 0) return undefined;
  return `${file} shows the first 100,000 points each way; ${notOnPage.toLocaleString('en')} are not on it`;
}

/** The result of a conversation's replay as parts of a text, each of which stays on one line. */
export function conversationSummary(result: ConversationReplay): readonly string[] {
  const { task, node, requests, same, missing, extra, failure } = result;
  return [
    ...(task === undefined ? [] : [`task ${task}, node ${node!}:`]),
    `${counted(requests, 'request')},`,
    `${same} answers as recorded,`,
    `${missing} missing,`,
    `${extra} extra${failure === undefined ? '' : `; ${failure}`}`,
  ];
}
