import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { whyEmpty } from '../expect/output-notes.js';
import { createAtomicFile } from '../files/atomic-file.js';
import type { Batch } from '../model/batch.js';
import { UdfError } from '../model/errors.js';
import type { Point } from '../model/point.js';
import { counted } from '../model/text.js';
import type { OptionCall } from '../model/option-call.js';
import { openConversationFile } from '../recording/conversation/open.js';
import type { RecordedItem } from '../recording/format.js';
import { type OpenOptions, openRecording, type Recording } from '../recording/open.js';
import type { Logger } from '../telemetry/logger.js';
import type { Transport } from '../transport/transport.js';
import { isUdfDefinition, type UdfDefinition } from '../udf/definition.js';
import { withExitStatus, nameOfAgent, openAgent, type ReplayAgent } from './external-agent.js';
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
import { checkPagePath } from '../files/chart-page.js';
import { Page } from './page/page.js';
import { type Replay, replay } from './replay.js';
import { type ConversationReplay, replayConversation } from './replay-conversation.js';
import { parseSettings } from '../peer/options.js';
import { formatOptions } from '../peer/tickscript-options.js';

export interface ReplayFileOptions {
  readonly agent: ReplayAgent;
  /** Options of the UDF as `option=value`. */
  readonly set?: readonly string[] | undefined;
  /** How the recording is read. `skipBad` also skips what the output's format cannot hold. */
  readonly reading?: Omit<OpenOptions, 'needsFields' | 'onBad'> | undefined;
  /** Format of emitted points; by default that of the output's extension, `lp` on `stdout`. */
  readonly format?: OutputFormat | undefined;
  /** File for emitted points. */
  readonly out?: string | undefined;
  /** Golden file to compare emitted points with. */
  readonly expect?: string | undefined;
  /** Write the golden file instead of comparing with it. */
  readonly update?: boolean | undefined;
  /** File for an HTML page that charts input and emitted points. */
  readonly html?: string | undefined;
  /** Receives emitted points if neither `out` nor `expect` is given. Ended by the replay. */
  readonly stdout?: Writable | undefined;
  readonly speed?: number | undefined;
  readonly logger?: Logger | undefined;
  /** Ends the replay, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the problem of each skipped entry. */
  readonly onSkipped?: ((problem: UdfError) => void) | undefined;
  /** Called before the first point is read, to show progress. */
  readonly onOpen?: ((recording: Recording) => void) | undefined;
}

/** The result of `replayFile`. */
export interface FileReplay extends Omit<Replay, 'points' | 'batches'> {
  /** Malformed entries of the recording that were skipped. */
  readonly malformed: number;
  /** Emitted points and batches that were skipped because the output's format cannot hold them. */
  readonly unwritable: number;
  readonly seconds: number;
  /** Unified diff from the golden file to the emitted points; empty if equal or not compared. */
  readonly difference: readonly string[];
  /** One sentence per option that is likely a mistake; else, if nothing came out, why. */
  readonly hints: readonly string[];
  /** Points missing from the page of `html`, which shows the first 100,000 each of input and output. */
  readonly notOnPage: number;
}

/**
 * Runs a recording (a file or a stream) through a UDF or an external agent, and writes, compares and charts what is
 * emitted. Files are replaced only when complete. A stream needs `reading.name` and `reading.format`.
 *
 * Rejects with `usage` for contradicting options, `invalid_config` for files that cannot be read or written, `malformed` and
 * `invalid_argument` for entries that cannot be read or written unless `skipBad` is set, and as `replay` does.
 */
export async function replayFile(source: string | Readable, options: ReplayFileOptions): Promise<FileReplay> {
  const { expect, update, html, out, format } = options;
  if (update && expect === undefined) throw new UdfError('usage', '--update needs --expect GOLDEN');
  checkDistinctFiles(source, options);
  if (expect !== undefined && !update && !existsSync(expect)) {
    throw new UdfError('invalid_config', `cannot read ${expect}: there is no such file; --update writes it`);
  }
  if (html !== undefined) checkPagePath(html);
  const { skipBad = false } = options.reading ?? {};
  const onSkipped = options.onSkipped ?? ((): void => undefined);
  const recording = await openRecording(source, {
    ...options.reading,
    needsFields: writesLineProtocol(options),
    onBad: onSkipped,
  });
  const agent = await openAgent(options.agent);
  const onUnwritable = skipBad ? onSkipped : undefined;
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

  let calls: readonly OptionCall[] = [];
  let hints: FieldHints | undefined;
  const writeEmitted = (item: Point | Batch): Promise<void> | undefined => {
    page?.emitted(item);
    const recorded = item as RecordedItem; // items from the wire are lazy
    void golden?.write(recorded); // writes to memory, without back-pressure
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
        hints?.add(item);
      },
      onPoint: writeEmitted,
      onBatch: writeEmitted,
    });
    await output?.end();
    await file?.commit();
  } catch (reason) {
    await file?.discard();
    throw await withExitStatus(reason, agent);
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
  const fieldHints = hints?.list() ?? [];
  return {
    ...counts,
    difference: difference ?? [],
    hints: fieldHints.length > 0 ? fieldHints : emptyHints(result, agent),
  };
}

/** Why points went in and none came out, if the handlers show it; batches whose points are handled one by one come out empty. */
function emptyHints(result: Replay, agent: UdfDefinition | Transport): string[] {
  const { pointsIn, pointsOut, points, batches } = result;
  if (pointsIn === 0 || pointsOut > 0 || !isUdfDefinition(agent)) return [];
  const why = whyEmpty(agent.provides === 'stream' ? points : batches);
  return why === undefined ? [] : [why];
}

/** Relative tolerance of doubles: agents may add in another order. */
const conversationTolerance = 1e-12;

export interface ReplayConversationFileOptions {
  readonly agent: ReplayAgent;
  /** Accept a truncated recording and replay what it contains. */
  readonly allowTruncated?: boolean | undefined;
  readonly logger?: Logger | undefined;
  /** Called with each line of the difference. */
  readonly onDifference?: ((line: string) => void) | undefined;
}

/**
 * Replays a recorded conversation from a file against a UDF or an external agent, with a relative tolerance of doubles of
 * 1e-12. Rejects with `connection` if the agent is unreachable, `invalid_config` or `malformed` if the file cannot be read,
 * and as `replayConversation` does.
 */
export async function replayConversationFile(
  path: string,
  { agent, allowTruncated = false, logger, onDifference }: ReplayConversationFileOptions,
): Promise<ConversationReplay> {
  const conversation = await openConversationFile(path, { allowTruncated });
  return replayConversation(conversation, await openAgent(agent), {
    tolerance: conversationTolerance,
    logger,
    onDifference,
  });
}

/** Formats the counts of a replay, such as `17 points in`; zero counts of errors and skips are omitted. */
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

/** Throws `usage` if a file would be both read and written, or written twice. */
function checkDistinctFiles(
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

/** Identifies a file, existing or not, regardless of how its path is written; `undefined` for a device. */
function fileIdentity(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found) return found.isCharacterDevice() ? undefined : `${found.dev}:${found.ino}`;
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path; // the directory does not exist, which writing reports
  }
}

/** Whether emitted points are written as line protocol, which cannot hold points without fields. */
function writesLineProtocol({ out, expect, format }: ReplayFileOptions): boolean {
  const files = [out, expect].filter((path) => path !== undefined);
  const formats =
    files.length === 0 ? [recordingFormat(format ?? 'lp')] : files.map((path) => formatForFile(path, format));
  return formats.some((name) => name === 'lp' || name === 'srpl');
}

/** Fields named by options: `as` names an emitted field, others input fields, which may be emitted too. */
function fieldsToShow(
  calls: readonly OptionCall[],
  agent: ReplayAgent,
): { readonly inputFields: readonly string[]; readonly emittedFields: readonly string[] } {
  const stringArguments = (isIncluded: (name: string) => boolean): string[] =>
    calls
      .filter(({ name }) => isIncluded(name))
      .flatMap(({ args }) => args.flatMap(({ type, value }) => (type === 'string' ? [value] : [])));
  const defaultAs =
    'udf' in agent && !calls.some(({ name }) => name === 'as') && agent.udf.options.as?.default;
  const result = typeof defaultAs === 'string' ? [defaultAs] : stringArguments((name) => name === 'as');
  const inputFields = [
    ...stringArguments((name) => /^fields?$/.test(name)),
    ...stringArguments((name) => name !== 'as' && !/^fields?$/.test(name)),
  ];
  return { inputFields, emittedFields: [...result, ...inputFields] };
}
