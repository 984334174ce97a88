import { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { messageOf, UdfError } from '../model/errors.js';
import { counted, escapeControls, wrapWords } from '../model/text.js';
import { recordingFormats, type RecordingFormat } from '../recording/format.js';
import type { ReplayAgent } from '../replay/external-agent.js';
import type { OutputFormat } from '../replay/output.js';
import type { FileReplay } from '../replay/replay-file.js';
import { ExitCode } from './exit-code.js';
import { setOption } from './one-udf.js';
import { type LoadOptions, loadOption, type LogOptions, logLevelOption, speedOption } from './options.js';
import { tagList } from './parse-values.js';
import { limitMessages, print, say } from './print.js';
import { createProgressBar } from './progress-bar.js';
import { addReadOptions, flagOf, type ReadFlags, readFlagNames, readOptionsOf } from './read-options.js';

interface ReplayCommandOptions extends LoadOptions, LogOptions, ReadFlags {
  readonly udf?: string;
  readonly socket?: string;
  readonly exec?: string;
  readonly set?: readonly string[];
  readonly groupBy: readonly string[] | '*';
  readonly inputFormat?: RecordingFormat;
  readonly format?: OutputFormat;
  readonly out?: string;
  readonly expect?: string;
  readonly update?: true;
  readonly html?: string;
  readonly speed: number;
  readonly skipBad?: true;
  readonly watch?: true;
}

export function replayCommand(): Command {
  const command = new Command('replay')
    .summary('run a recording through a UDF')
    .description(
      'Runs a recording through a UDF as a task would, and prints the points that it emits; a summary goes to standard ' +
        'error. Recordings are line protocol (.lp), those of Kapacitor (.srpl, .brpl), JSON Lines (.jsonl) and CSV (.csv), ' +
        'all of any size; .gz may stand behind the name.\n\n' +
        'A recorded conversation (.conversation, or a pair .requests and .responses) is replayed against the UDF, and ' +
        'answers that differ are printed point by point, with exit code 1.',
    )
    .argument('<file>', "the recording, or '-' for standard input")
    .option('--udf <name>', 'the UDF, in this process')
    .option('--socket <path>', 'instead of --udf: replay against the agent on this Unix socket')
    .option(
      '--exec <command>',
      'instead of --udf: replay against the agent that this command starts, on its stdin and stdout',
    )
    .addOption(setOption())
    .addOption(
      new Option('--group-by <tags>', "tags to group by, with commas between; '*' for all, '' for none")
        .default('*')
        .argParser(tagList),
    )
    .addOption(
      new Option(
        '--input-format <format>',
        "the recording's format (default: as its name says, lp for -)",
      ).choices(recordingFormats),
    )
    .addOption(
      new Option(
        '--format <format>',
        'how the points are printed (default: as the name of --out says, else lp)',
      ).choices(['lp', 'json', 'csv', 'table'] satisfies OutputFormat[]),
    )
    .option('--out <file>', 'write the points to this file; its name tells the format, .srpl and .brpl too')
    .option('--expect <golden>', 'compare with the points in this file: print the difference, exit code 1')
    .option('--update', 'write the points to the file of --expect')
    .option('--html <file>', 'also write a page that shows what went in and what was emitted')
    .addOption(speedOption())
    .option(
      '--skip-bad',
      'leave out and count what is malformed, and points that the output format cannot hold, instead of stopping there',
    )
    .addOption(loadOption());
  return addReadOptions(command)
    .option('--watch', 'run again whenever a module of --load changes')
    .addOption(logLevelOption().default('error'))
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf replay adsl.srpl --udf edgeDetect --set field=value')
    .action(run);
}

/** Max skipped entries and rejected promises that are printed one by one. */
const maxReported = 10;

async function run(file: string, options: ReplayCommandOptions): Promise<void> {
  if (options.watch) {
    await watchModules(file, options.load ?? []);
    return;
  }
  const { isConversationFile } = await import('../recording/conversation/open.js');
  const { watchUncaught } = await import('../replay/uncaught.js');
  const isConversation = file !== '-' && (await isConversationFile(file));
  const uncaught = watchUncaught(limitMessages(maxReported, 'further rejected promises are only counted'));
  try {
    const { signal } = uncaught;
    await (isConversation ? runConversation(file, options) : runPoints(file, options, signal));
    // Node.js reports rejections after the microtasks of the turn.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    uncaught.stop();
  }
  uncaught.signal.throwIfAborted();
  if (uncaught.rejections > 0) {
    say(`${counted(uncaught.rejections, 'promise')} of the UDF rejected without being awaited`);
    throw new ExitCode(1);
  }
}

async function runPoints(file: string, options: ReplayCommandOptions, signal: AbortSignal): Promise<void> {
  const { replayFile } = await import('../replay/replay-file.js');
  const { pageNote, replaySummary } = await import('../replay/report.js');
  const { createLogger } = await import('../telemetry/create-logger.js');
  const { groupBy, inputFormat, skipBad, logLevel, html } = options;
  const isStdin = file === '-';
  const leftOut = limitMessages(maxReported, 'what else is left out is only counted');
  const progress = await createProgressBar('{bar} {percentage}% | {eta_formatted} left');
  let result: FileReplay;
  try {
    result = await replayFile(isStdin ? process.stdin : file, {
      ...options,
      agent: await agentOf(options),
      reading: {
        groupBy,
        skipBad,
        ...readOptionsOf(options),
        onWarning: say,
        format: inputFormat ?? (isStdin ? 'lp' : undefined),
        ...(isStdin && { name: 'standard input' }),
      },
      stdout: standardOutput(),
      logger: createLogger({ level: logLevel }),
      signal,
      onSkipped: ({ message }) => {
        leftOut(`left out: ${message}`);
      },
      onOpen: (recording) => {
        progress.start(recording.size, () => ({ bytes: recording.bytesRead }));
      },
    });
  } finally {
    progress.stop();
  }
  const { hints, difference } = result;
  sayWrapped(replaySummary(result));
  const note = html === undefined ? undefined : pageNote(result, html);
  if (note !== undefined) say(note);
  for (const hint of hints) say(hint);
  if (difference.length === 0) return;
  await print(difference.join('\n'));
  throw new ExitCode(1);
}

/** Options that a conversation does not take: it brings its own options and expected answers. */
const pointOptions = ['set', 'format', 'inputFormat', 'out', 'expect', 'html', ...readFlagNames] as const;

async function runConversation(file: string, options: ReplayCommandOptions): Promise<void> {
  const given =
    pointOptions.find((name) => options[name] !== undefined) ?? (options.speed !== Infinity && 'speed');
  if (given) {
    throw new UdfError(
      'usage',
      `${flagOf(given)} is for recordings of points; ${file} is a conversation, which has its own options and answers`,
    );
  }
  const { replayConversationFile } = await import('../replay/replay-file.js');
  const { conversationSummary } = await import('../replay/report.js');
  const { createLogger } = await import('../telemetry/create-logger.js');
  const result = await replayConversationFile(file, {
    agent: await agentOf(options),
    allowTruncated: options.skipBad,
    logger: createLogger({ level: options.logLevel }),
    onDifference: (line) => process.stdout.write(`${escapeControls(line)}\n`),
  });
  sayWrapped(conversationSummary(result));
  await new Promise<void>((resolve) => {
    process.stdout.write('', () => {
      resolve();
    });
  });
  if (result.missing + result.extra > 0 || result.failure !== undefined) throw new ExitCode(1);
}

/** Throws `usage` unless exactly one agent is given. */
async function agentOf({ udf, socket, exec, load }: ReplayCommandOptions): Promise<ReplayAgent> {
  if ([udf, socket, exec].filter((given) => given !== undefined).length !== 1) {
    throw new UdfError(
      'usage',
      'say what to replay against: one of --udf NAME, --socket PATH and --exec COMMAND',
    );
  }
  if (socket !== undefined) return { socket };
  if (exec !== undefined) return { exec };
  const { availableUdfs, chooseUdf } = await import('../host/available-udfs.js');
  return { udf: chooseUdf(await availableUdfs(load), udf!) }; // the one that is given
}

/** Runs this command line without `--watch`, again whenever a module changes, until a signal. */
async function watchModules(file: string, modules: readonly string[]): Promise<void> {
  if (file === '-') throw new UdfError('usage', '--watch needs a file: standard input is read once');
  const { rerunOnChange } = await import('../replay/watch.js');
  const { onStopSignal } = await import('../host/process-end.js');
  const stop = new AbortController();
  void onStopSignal(() => undefined).then(() => {
    stop.abort();
  });
  const args = [...process.execArgv, ...process.argv.slice(1).filter((argument) => argument !== '--watch')];
  const onChange = (changed: string): void => {
    say(`${changed} changed`);
  };
  await rerunOnChange({ modules, args, onChange }, stop.signal);
}

/** Writes parts to standard error in lines of 80 columns, broken between parts only. */
function sayWrapped(parts: readonly string[]): void {
  say(wrapWords(parts, 80).join('\n'));
}

/** A stream to standard output that the replay may end. */
function standardOutput(): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      process.stdout.write(chunk, (error) => {
        done(error && new UdfError('connection', `cannot write to standard output: ${messageOf(error)}`));
      });
    },
  });
}
