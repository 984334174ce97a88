import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createAtomicFile } from '../files/atomic-file.js';
import type { Batch } from '../model/batch.js';
import { UdfError } from '../model/errors.js';
import type { Point } from '../model/point.js';
import { counted } from '../model/text.js';
import { openConversationFile } from '../recording/conversation/open.js';
import type { RecordedItem } from '../recording/format.js';
import { type OpenOptions, openRecording, type Recording } from '../recording/open.js';
import type { Logger } from '../telemetry/logger.js';
import type { OptionMessage } from '../wire/messages.js';
import { explainFailure, nameOfAgent, openAgent, type ReplayAgent } from './external-agent.js';
import { FieldHints } from './field-hints.js';
import { Golden } from './golden.js';
import {
  createOutput,
  formatForFile,
  isCompressed,
  type Output,
  type OutputFormat,
  recordingFormat,
} from './output.js';
import { Page } from './page/page.js';
import { type Replay, replay } from './replay.js';
import { type ConversationReplay, replayConversation } from './replay-conversation.js';
import { parseSettings } from '../peer/options.js';
import { formatOptions } from '../peer/tickscript-options.js';

export interface ReplayFileOptions {
  readonly agent: ReplayAgent;
  /** Options of the UDF as `option=value`. */
  readonly set?: readonly string[] | undefined;
  /** How the recording is read. `skipBad` also leaves out and counts what the output's format cannot hold. */
  readonly reading?: Omit<OpenOptions, 'needsFields' | 'onBad'> | undefined;
  /** How emitted points are written: by default as the output's name says, `lp` on `stdout`. */
  readonly format?: OutputFormat | undefined;
  /** The file for emitted points. */
  readonly out?: string | undefined;
  /** The golden file that emitted points are compared with. */
  readonly expect?: string | undefined;
  /** Write the golden file instead of comparing with it. */
  readonly update?: boolean | undefined;
  /** The file for a page that shows what went in and what was emitted. */
  readonly html?: string | undefined;
  /** Gets emitted points if neither `out` nor `expect` is given. It is ended. */
  readonly stdout?: Writable | undefined;
  readonly speed?: number | undefined;
  readonly logger?: Logger | undefined;
  /** Ends the replay, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what is wrong with each entry that is left out. */
  readonly onLeftOut?: ((problem: UdfError) => void) | undefined;
  /** Called before the first point is read, for showing progress. */
  readonly onOpen?: ((recording: Recording) => void) | undefined;
}

/** The result of `replayFile`. */
export interface FileReplay extends Omit<Replay, 'points' | 'batches'> {
  /** Malformed entries of the recording that were left out. */
  readonly malformed: number;
  /** Emitted points and batches that the output's format cannot hold, and that were left out. */
  readonly unwritable: number;
  readonly seconds: number;
  /** From the golden file to what was emitted; no line if they are equal or not compared. */
  readonly difference: readonly string[];
  /** Options that are likely mistakes, a sentence each. */
  readonly hints: readonly string[];
  /** Points that are not on the page of `html`, which shows the first 100,000 each way. */
  readonly notOnPage: number;
}

/**
 * Runs a recording, a file or a stream, through a UDF or an external agent, and writes, compares and shows what is
 * emitted. A file that cannot be written completely stays as it was. A stream needs `reading.name` and `reading.format`.
 *
 * Rejects with `usage` for contradicting options, with `invalid_config` for files that cannot be read or written, with
 * `malformed` and `invalid_argument` for entries that cannot be read or written unless `skipBad` leaves them out, and as
 * `replay` does.
 */
export async function replayFile(source: string | Readable, options: ReplayFileOptions): Promise<FileReplay> {
  const { expect, update, html, out, format } = options;
  if (update && expect === undefined) throw new UdfError('usage', '--update needs --expect GOLDEN');
  refuseSharedFiles(source, options);
  if (expect !== undefined && !update && !existsSync(expect)) {
    throw new UdfError('invalid_config', `cannot read ${expect}: there is no such file; --update writes it`);
  }
  const { skipBad = false } = options.reading ?? {};
  const onLeftOut = options.onLeftOut ?? ((): void => undefined);
  const recording = await openRecording(source, {
    ...options.reading,
    needsFields: writesLineProtocol(options),
    onBad: onLeftOut,
  });
  const agent = await openAgent(options.agent);
  const onUnwritable = skipBad ? onLeftOut : undefined;
  const golden = expect === undefined ? undefined : new Golden(expect, format, onUnwritable);
  const page = html === undefined ? undefined : new Page();
  const outFormat = out === undefined ? undefined : formatForFile(out, format);
  const file = out === undefined ? undefined : createAtomicFile(out);
  let output: Output | undefined;
  if (file && out !== undefined && outFormat !== undefined) {
    output = createOutput(file.stream, outFormat, { compress: isCompressed(out, outFormat), onUnwritable });
  } else if (!golden && options.stdout) {
    output = createOutput(options.stdout, recordingFormat(format ?? 'lp'), { onUnwritable });
  }

  let calls: readonly OptionMessage[] = [];
  let hints: FieldHints | undefined;
  const take = (item: Point | Batch): Promise<void> | undefined => {
    page?.emitted(item);
    const recorded = item as RecordedItem; // points and batches from the wire are lazy ones
    void golden?.write(recorded); // goes to memory, which never makes it wait
    return output?.write(recorded);
  };
  const start = performance.now();
  options.onOpen?.(recording);
  let result: Replay;
  try {
    result = await replay(recording, agent, {
      options: (types) => {
        calls = parseSettings(options.set ?? [], types);
        hints = new FieldHints(calls);
        return calls;
      },
      speed: options.speed,
      logger: options.logger,
      signal: options.signal,
      onInput: (item) => {
        page?.input(item);
        hints?.see(item);
      },
      onPoint: take,
      onBatch: take,
    });
    await output?.end();
    await file?.commit();
  } catch (reason) {
    await file?.discard();
    throw await explainFailure(reason, agent);
  }
  await golden?.end();
  const counts = {
    ...result,
    malformed: recording.skipped,
    unwritable: Math.max(output?.unwritable ?? 0, golden?.unwritable ?? 0),
    seconds: (performance.now() - start) / 1000,
    notOnPage: page?.omitted ?? 0,
  };
  if (page && html !== undefined) {
    await page.write(html, {
      title: basename(recording.name),
      udf: nameOfAgent(options.agent),
      options: formatOptions(calls),
      counts: countsOf(counts),
      ...fieldsToShow(calls, options.agent),
    });
  }
  if (update) await golden?.update();
  const difference = update ? [] : await golden?.difference();
  return { ...counts, difference: difference ?? [], hints: hints?.list() ?? [] };
}

/** How far doubles may differ, relative to the recorded one: agents may add in another order. */
const conversationTolerance = 1e-12;

export interface ReplayConversationFileOptions {
  readonly agent: ReplayAgent;
  /** Replay a conversation whose recording was cut off as far as it goes. */
  readonly cutOff?: boolean | undefined;
  readonly logger?: Logger | undefined;
  /** Called with each line of the difference. */
  readonly onDifference?: ((line: string) => void) | undefined;
}

/**
 * Replays the file of a recorded conversation against a UDF or an external agent; doubles may differ by 1e-12 of
 * themselves. Rejects as `replayConversation` does.
 */
export async function replayConversationFile(
  path: string,
  { agent, cutOff = false, logger, onDifference }: ReplayConversationFileOptions,
): Promise<ConversationReplay> {
  const conversation = await openConversationFile(path, { cutOff });
  return replayConversation(conversation, await openAgent(agent), {
    tolerance: conversationTolerance,
    logger,
    onDifference,
  });
}

/** The counts of a replay, such as `17 points in`; optional ones only if they are not 0. */
export function countsOf(
  replay: Omit<FileReplay, 'seconds' | 'difference' | 'hints' | 'notOnPage'>,
): string[] {
  const { pointsIn, pointsOut, batchesIn, batchesOut, errors, counters, malformed, unwritable } = replay;
  const inBatches = (count: number): string =>
    count === 0 ? '' : ` (${counted(count, 'batch', 'batches')})`;
  const optional: readonly (readonly [count: number, what: string])[] = [
    ...Object.entries(counters).map(([name, count]) => [count, name] as const),
    [malformed, 'malformed left out'],
    [unwritable, 'not writable left out'],
  ];
  return [
    `${counted(pointsIn, 'point')} in${inBatches(batchesIn)}`,
    `${counted(pointsOut, 'point')} out${inBatches(batchesOut)}`,
    ...(errors === undefined ? [] : [counted(errors, 'error')]),
    ...optional.flatMap(([count, what]) => (count === 0 ? [] : [`${count.toLocaleString('en')} ${what}`])),
  ];
}

/** Throws `usage` if a file would be written that is also read, or written twice. */
function refuseSharedFiles(
  source: string | Readable,
  { out, html, expect, update }: ReplayFileOptions,
): void {
  const recording = typeof source === 'string' ? source : undefined;
  const files = (
    [
      ['the recording', recording, false],
      ['--expect', expect, update === true],
      ['--out', out, true],
      ['--html', html, true],
    ] as const
  ).flatMap(([what, path, isWritten]) => {
    const identity = path === undefined ? undefined : fileIdentity(path);
    return identity === undefined ? [] : [{ what, path, identity, isWritten }];
  });
  for (const [index, file] of files.entries()) {
    const other = files.slice(0, index).find(({ identity }) => identity === file.identity);
    if (!other || !(file.isWritten || other.isWritten)) continue;
    const message = `${file.what} ${file.path} is the same file as ${other.what === 'the recording' ? other.what : `that of ${other.what}`}`;
    throw new UdfError('usage', `${message}, and would overwrite it; name another file`);
  }
}

/** Equal for two names of one file, existing or not; `undefined` for a device such as /dev/null. */
function fileIdentity(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found) return found.isCharacterDevice() ? undefined : `${found.dev}:${found.ino}`;
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path; // its directory does not exist: writing it reports that
  }
}

/** Whether emitted points become line protocol, which cannot hold a point without fields. */
function writesLineProtocol({ out, expect, format }: ReplayFileOptions): boolean {
  const files = [out, expect].filter((path) => path !== undefined);
  const formats =
    files.length === 0 ? [recordingFormat(format ?? 'lp')] : files.map((path) => formatForFile(path, format));
  return formats.some((name) => name === 'lp' || name === 'srpl');
}

/** The fields that the options name: `as` names an emitted one, the others one of the input, which may be emitted too. */
function fieldsToShow(
  calls: readonly OptionMessage[],
  agent: ReplayAgent,
): { readonly inputFields: readonly string[]; readonly emittedFields: readonly string[] } {
  const texts = (of: (name: string) => boolean): string[] =>
    calls
      .filter(({ name }) => of(name))
      .flatMap(({ args }) => args.flatMap(({ type, value }) => (type === 'string' ? [value] : [])));
  const preset = 'udf' in agent && !calls.some(({ name }) => name === 'as') && agent.udf.options.as?.default;
  const result = typeof preset === 'string' ? [preset] : texts((name) => name === 'as');
  const inputFields = [
    ...texts((name) => /^fields?$/.test(name)),
    ...texts((name) => name !== 'as' && !/^fields?$/.test(name)),
  ];
  return { inputFields, emittedFields: [...result, ...inputFields] };
}
