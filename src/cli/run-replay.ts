import { UdfError } from '../model/errors.js';
import { basename } from 'node:path';
import { isConversationFile } from '../recording/conversation/open.js';
import { openRecording } from '../recording/open.js';
import { createLogger } from '../telemetry/create-logger.js';
import { replay } from '../replay/replay.js';
import type { RecordedItem } from '../recording/format.js';
import type { Batch } from '../model/batch.js';
import type { Point } from '../model/point.js';
import { ExitCode } from './exit-code.js';
import type { LoadOptions, LogOptions } from './options.js';
import { type AgentChoice, agentOf, explained } from '../replay/agent.js';
import { Golden } from '../replay/golden.js';
import {
  formatForFile,
  isCompressed,
  type Output,
  type OutputFormat,
  outputTo,
  recordingFormat,
  standardOutput,
} from '../replay/output.js';
import { Page } from '../replay/page.js';
import { showProgress } from '../replay/progress.js';
import { setOptions } from '../replay/set-options.js';
import { Summary } from '../replay/summary.js';
import { isSameFile, type WholeFile, wholeFile } from '../files/whole-file.js';

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
  if (update && expect === undefined) throw new UdfError('usage', '--update needs --expect GOLDEN');
  keepRecording(file, options);
  if (options.watch) {
    const { runAgain } = await import('../replay/watch.js');
    await runAgain(options.load);
    return;
  }
  if (await isConversationFile(file)) {
    const { runReplayConversation } = await import('../replay/run-replay-conversation.js');
    await runReplayConversation(file, options);
    return;
  }
  const recording = await openRecording(file, {
    skipBad: options.skipBad,
    groupBy: options.groupBy,
    needsFields: writesLines(options),
    onBad: ({ message }) => {
      summary.bad(message);
    },
  });
  const udf = await agentOf(options);
  const golden = expect === undefined ? undefined : new Golden(expect, options.format);
  const page = html === undefined ? undefined : new Page(html);
  const written = options.out === undefined ? undefined : wholeFile(options.out);
  const output = outputOf(options, golden, written);
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
    await written?.keep();
    stopProgress();
    summary.print(result, recording.skipped);
  } catch (reason) {
    await written?.discard();
    throw await explained(reason, udf);
  } finally {
    stopProgress();
  }
  if (page) summary.note(await page.write(basename(file)), html!);
  await golden?.end();
  if (update) await golden?.update();
  else if (golden && !(await golden.compare())) throw new ExitCode(1);
}

/** Throws `usage` if the recording itself is to be written over. */
function keepRecording(file: string, { out, html, expect, update }: ReplayOptions): void {
  for (const [option, path] of [
    ['--out', out],
    ['--html', html],
    ['--update', update && expect],
  ] as const) {
    if (path !== undefined && isSameFile(file, path)) {
      throw new UdfError(
        'usage',
        `${option} ${path} would write over the recording that is read; name another file`,
      );
    }
  }
}

/** Whether the points become line protocol, which cannot hold one without fields. */
function writesLines({ out, expect, format }: ReplayOptions): boolean {
  const files = [out, expect].filter((path) => path !== undefined);
  const formats =
    files.length === 0 ? [recordingFormat(format ?? 'lp')] : files.map((path) => formatForFile(path, format));
  return formats.some((name) => name === 'lp' || name === 'srpl');
}

/** Where the points go: with a golden nowhere but there, unless a file is asked for. */
function outputOf(
  { out, format }: ReplayOptions,
  golden: Golden | undefined,
  written: WholeFile | undefined,
): Output | undefined {
  if (out !== undefined && written) {
    const fileFormat = formatForFile(out, format);
    return outputTo(written.stream, fileFormat, isCompressed(out, fileFormat));
  }
  return golden ? undefined : outputTo(standardOutput(), recordingFormat(format ?? 'lp'));
}
