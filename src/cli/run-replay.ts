import { basename } from 'node:path';
import { isConversationFile } from '../recording/conversation/open.js';
import { openRecording } from '../recording/open.js';
import { createLogger } from '../telemetry/create-logger.js';
import { replay } from '../testkit/replay.js';
import type { RecordedItem } from '../recording/format.js';
import type { Batch } from '../udf/batch.js';
import type { Point } from '../udf/point.js';
import { ExitCode } from './exit-code.js';
import type { LoadOptions, LogOptions } from './options.js';
import { type AgentChoice, agentOf } from './replay/agent.js';
import { Golden } from './replay/golden.js';
import {
  fileStream,
  formatForFile,
  type Output,
  type OutputFormat,
  outputTo,
  recordingFormat,
  standardOutput,
} from './replay/output.js';
import { Page } from './replay/page.js';
import { showProgress } from './replay/progress.js';
import { setOptions } from './replay/set-options.js';
import { Summary } from './replay/summary.js';
import { UsageError } from './usage-error.js';

export interface ReplayOptions extends LoadOptions, LogOptions, AgentChoice {
  readonly set?: readonly string[];
  readonly groupBy: readonly string[] | '*';
  readonly format?: OutputFormat;
  readonly out?: string;
  readonly expect?: string;
  readonly update?: true;
  readonly html?: string;
  readonly speed: number;
  readonly skipBad?: true;
  readonly watch?: true;
}

/** Runs a recording through a UDF. */
export async function runReplay(file: string, options: ReplayOptions): Promise<void> {
  const { expect, update, html } = options;
  if (update && expect === undefined) throw new UsageError('--update needs --expect GOLDEN');
  if (options.watch) {
    const { runAgain } = await import('./replay/watch.js');
    await runAgain(options.load);
    return;
  }
  if (await isConversationFile(file)) {
    const { runReplayConversation } = await import('./record/run-replay-conversation.js');
    await runReplayConversation(file, options);
    return;
  }
  const recording = await openRecording(file, {
    skipBad: options.skipBad,
    groupBy: options.groupBy,
    onBad: ({ message }) => {
      summary.bad(message);
    },
  });
  const udf = await agentOf(options);
  const golden = expect === undefined ? undefined : new Golden(expect, options.format);
  const page = html === undefined ? undefined : new Page(html);
  const output = outputOf(options, golden);
  const take = (item: Point | Batch): Promise<void> | undefined => {
    page?.emitted(item);
    void golden?.write(item as RecordedItem); // what comes off the wire is one; it goes to memory, which is never full
    return output?.write(item as RecordedItem);
  };
  const summary = new Summary();
  const stopProgress = showProgress(recording);
  try {
    const result = await replay(recording, udf, {
      options: (types) => setOptions(options.set ?? [], types),
      speed: options.speed,
      logger: createLogger({ level: options.logLevel }),
      onPoint: take,
      onBatch: take,
      ...(page && {
        onInput: (item: Point | Batch) => {
          page.input(item);
        },
      }),
    });
    await output?.end();
    stopProgress();
    summary.print(result, recording.skipped);
  } finally {
    stopProgress();
  }
  if (page) summary.note(await page.write(basename(file)), html!);
  await golden?.end();
  if (update) await golden?.update();
  else if (golden && !(await golden.compare())) throw new ExitCode(1);
}

/** Where the points go: with a golden nowhere but there, unless a file is asked for. */
function outputOf({ out, format }: ReplayOptions, golden: Golden | undefined): Output | undefined {
  if (out !== undefined) {
    const fileFormat = formatForFile(out, format); // before a file is made, or one that is there is emptied
    return outputTo(fileStream(out), fileFormat, /\.gz$/i.test(out) ? true : undefined);
  }
  return golden ? undefined : outputTo(standardOutput(), recordingFormat(format ?? 'lp'));
}
