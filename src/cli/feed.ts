import { Command, InvalidArgumentError, Option } from 'commander';
import type { FeedEvents, FeedOptions, FeedResult } from '../feed/feed.js';
import { generatorNames, type GeneratorName } from '../feed/generated-lines.js';
import { isSecretName, readSecret, redactCredentials } from '../http/credentials.js';
import type { FeedTarget } from '../feed/writer.js';
import { influxTarget } from '../influx/target.js';
import { isKairosUrl, kairosTarget } from '../kairos/target.js';
import { kapacitorWriteTarget } from '../kapacitor/target.js';
import { UdfError } from '../model/errors.js';
import { type RecordingFormat, recordingFormats } from '../recording/format.js';
import { ExitCode } from './exit-code.js';
import { logLevelOption, type LogOptions, speedOption } from './options.js';
import { count, positiveNumber, timerDuration } from './parse-values.js';
import { limitMessages, printJson, say } from './print.js';
import { createProgressBar } from './progress-bar.js';
import { feedUrlOption, kapacitorWriteUrl } from './url-options.js';
import { addReadOptions, flagOf, type ReadFlags, readFlagNames, readOptionsOf } from './read-options.js';

interface FeedFlags extends LogOptions, ReadFlags {
  readonly url?: string;
  readonly kapacitor?: string;
  readonly format?: RecordingFormat;
  readonly demo?: GeneratorName;
  readonly seed?: number;
  readonly points?: number;
  readonly meters?: number;
  readonly rate?: number;
  readonly follow?: true;
  readonly speed: number;
  readonly shiftToNow?: true;
  readonly skipBad?: true;
  readonly spool?: string;
  readonly batch: number;
  readonly flush: bigint;
  readonly json?: true;
  readonly poll?: readonly string[];
  readonly every?: bigint;
  readonly resume?: string;
}

export function feedCommand(): Command {
  const command = new Command('feed')
    .summary('write data into InfluxDB, KairosDB or Kapacitor')
    .description(
      'Writes line protocol, CSV, JSON Lines, Green Button feeds or recordings into InfluxDB 1.x or 2.x, KairosDB, or straight into Kapacitor. ' +
        'Lines without a time get one, so that what is sent again after an outage is stored once. What the server ' +
        'refuses is reported line by line. The exit code is 0 only if everything has arrived but for what --skip-bad leaves out; ' +
        'stopped before the end it is 130 (SIGINT) or 143 (SIGTERM). What has no end, --follow and a demo with ' +
        '--shift-to-now, is ended by a signal, and exits 0 if all until then has arrived.',
    )
    .argument(
      '[source...]',
      "files, globs (in quotes), directories of Green Button feeds, or '-' for standard input",
    )
    .addOption(feedUrlOption())
    .option(
      '--kapacitor <url>',
      'instead: a Kapacitor, http://HOST:9092?db=NAME[&rp=NAME], whose stream tasks get the points; credentials come ' +
        'from KAPACITOR_USERNAME and KAPACITOR_PASSWORD. What is sent again after an outage reaches tasks twice',
      kapacitorWriteUrl,
    )
    .addOption(
      new Option('--format <format>', "the sources' format (default: as the name says, lp for -)").choices(
        recordingFormats,
      ),
    );
  return addReadOptions(command)
    .addOption(new Option('--demo <name>', 'made-up data instead of a source').choices(generatorNames))
    .addOption(
      new Option('--seed <n>', 'another number, other data of the demo (default: 1)').argParser(count(0)),
    )
    .addOption(
      new Option('--points <n>', 'points of the demo (default: 1000; with --shift-to-now no end)').argParser(
        count(1),
      ),
    )
    .addOption(
      new Option(
        '--meters <n>',
        "with --demo meters: this many smart meters of a grid, with faults, instead of a household's",
      ).argParser(count(1, 1_000_000)),
    )
    .addOption(
      new Option(
        '--rate <n>',
        'points a second of all --meters together, by their own times (default: one a minute of each)',
      ).argParser(positiveNumber),
    )
    .option('--follow', 'keep reading what is appended to the file, until a signal')
    .addOption(speedOption())
    .option(
      '--shift-to-now',
      'move all times so that the newest is now; a demo begins at midnight a day ago (building: two months ago; many --meters: a million points ago) and continues in real time',
    )
    .option('--skip-bad', 'report and skip malformed entries, instead of stopping at the first')
    .option(
      '--spool <dir>',
      'keep lines in this directory while the server does not answer (default: reading waits)',
    )
    .addOption(new Option('--batch <n>', 'lines per request').default(5000).argParser(count(1)))
    .addOption(
      new Option('--flush <duration>', 'the longest that a line waits for others')
        .default(1_000_000_000n, '1s')
        .argParser(timerDuration('1ms')),
    )
    .addOption(
      new Option(
        '--poll <url>',
        'instead of a source: fetch a Green Button feed, or what --format says, and write what is new; repeatable. The ' +
          'token comes from GREENBUTTON_TOKEN',
      ).argParser(feedUrl),
    )
    .addOption(
      new Option(
        '--every <duration>',
        'fetch again after this time, until a signal (default: once)',
      ).argParser(timerDuration('1s')),
    )
    .option('--resume <file>', 'remember in this file what has been taken from each --poll')
    .option('--json', 'the summary as JSON on standard output')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nExamples:\n' +
        "  $ kapacitor-udf feed 'data/*.lp' --url 'http://localhost:8086?db=telegraf'\n" +
        "  $ kapacitor-udf feed --demo adsl --shift-to-now --url 'http://localhost:8086?db=telegraf'\n" +
        "  $ kapacitor-udf feed --demo meters --meters 10000 --rate 1000 --shift-to-now --url 'http://localhost:8086?db=telegraf'\n" +
        "  $ kapacitor-udf feed --format greenbutton bills/ --url 'http://localhost:8086?db=meters'\n" +
        "  $ kapacitor-udf feed --poll https://utility.example/feed --every 1d --resume feed.json --url 'http://localhost:8086?db=meters'\n" +
        '  $ kapacitor-udf feed --format greenbutton bills/ --url kairosdb+http://localhost:8080',
    )
    .action(runFeed);
}

/** The exit code is 1 unless everything arrived, and the signal's if it came before the end of sources that have one. */
async function runFeed(sources: string[], flags: FeedFlags): Promise<void> {
  const { demo, seed, points, meters, rate } = flags;
  const ofDemo = [points, seed, meters, rate];
  if (demo === undefined && ofDemo.some((flag) => flag !== undefined)) {
    throw new UdfError('usage', '--points, --seed, --meters and --rate are of --demo, and there is none');
  }
  const unused = demo === undefined ? undefined : readFlagNames.find((name) => flags[name] !== undefined);
  if (unused !== undefined) throw new UdfError('usage', `${flagOf(unused)} is for sources, not for --demo`);
  checkPollFlags(sources, flags);
  const target = targetOf(flags);
  const { feed } = await import('../feed/feed.js');
  const { exitCodeOf, onStopSignal } = await import('../host/process-end.js');
  const stop = new AbortController();
  const stopSignal = onStopSignal(() => undefined);
  void stopSignal.then(() => {
    stop.abort();
  });
  const report = await createReport();
  const options: FeedOptions = {
    target,
    sources,
    stdin: process.stdin,
    signal: stop.signal,
    events: report.events,
    format: flags.format,
    follow: flags.follow,
    speed: flags.speed,
    shiftToNow: flags.shiftToNow,
    skipBad: flags.skipBad,
    spool: flags.spool,
    maxBatchLines: flags.batch,
    reading: readOptionsOf(flags),
    flushMs: Number(flags.flush / 1_000_000n),
    generator: demo && { name: demo, seed, points, meters, rate },
  };
  let result: FeedResult;
  try {
    result = flags.poll
      ? await poll(flags, flags.poll, target, stop.signal, report.events)
      : await feed(options);
  } finally {
    report.end();
    stopSignal.release();
  }
  await report.print(result, flags.json ?? false);
  if ('error' in result) throw result.error;
  if (result.isStopped) {
    const signal = await stopSignal;
    report.note(`stopped by ${signal} before the end`);
    throw new ExitCode(exitCodeOf(signal));
  }
  if (result.refused + result.unsent + result.waitingBatches > 0) throw new ExitCode(1);
}

/** Throws `usage` for options that do not go together. */
function checkPollFlags(sources: readonly string[], flags: FeedFlags): void {
  if (!flags.poll) {
    if (flags.every === undefined && flags.resume === undefined) return;
    throw new UdfError('usage', '--every and --resume are for --poll');
  }
  const { demo, follow, shiftToNow, spool } = flags;
  const isOther = [demo, follow, shiftToNow, spool].some((flag) => flag !== undefined);
  if (sources.length > 0 || isOther || flags.speed !== Infinity) {
    throw new UdfError(
      'usage',
      '--poll takes no sources, no --demo, --follow, --speed, --shift-to-now or --spool',
    );
  }
}

async function poll(
  flags: FeedFlags,
  urls: readonly string[],
  target: FeedTarget,
  signal: AbortSignal,
  events: FeedEvents,
): Promise<FeedResult> {
  const { pollFeeds } = await import('../feed/poll.js');
  const token = readSecret('GREENBUTTON_TOKEN', process.env);
  return pollFeeds({
    target,
    urls,
    signal,
    events,
    resume: flags.resume,
    skipBad: flags.skipBad,
    everyMs: flags.every === undefined ? undefined : Number(flags.every / 1_000_000n),
    format: flags.format,
    reading: readOptionsOf(flags),
    authorization: token === undefined ? undefined : `Bearer ${token}`,
    onlyNewer: flags.kapacitor !== undefined,
    maxBatchLines: flags.batch,
    flushMs: Number(flags.flush / 1_000_000n),
  });
}

/** Credentials in URLs are refused: every user of the machine can read command lines. */
function feedUrl(text: string, before: readonly string[] | undefined): readonly string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new InvalidArgumentError('It must be a URL such as https://utility.example/feed.');
  }
  if (url.username !== '' || url.password !== '' || [...url.searchParams.keys()].some(isSecretName)) {
    throw new InvalidArgumentError('Give the token in GREENBUTTON_TOKEN, not in the URL.');
  }
  return [...(before ?? []), text];
}

function targetOf({ url, kapacitor }: FeedFlags): FeedTarget {
  if (url !== undefined && kapacitor === undefined) {
    return isKairosUrl(url) ? kairosTarget(url, process.env) : influxTarget(url, process.env);
  }
  if (url !== undefined || kapacitor === undefined) {
    throw new UdfError('usage', 'name either --url or --kapacitor');
  }
  const { url: base, authorization, ...store } = kapacitorWriteTarget(kapacitor, process.env);
  return { url: base, authorization, store };
}

/** Problems that are printed one by one; more are only counted. */
const maxPrinted = 100;

/** Prints the course of a feed to standard error, with a progress bar on a terminal. */
async function createReport() {
  const { feedJson, feedText, outageText, pointsPerSecond } = await import('../feed/report.js');
  const start = performance.now();
  const secondsSinceStart = (): number => (performance.now() - start) / 1000;
  let progress = { bytes: 0, arrived: 0 };
  const bar = await createProgressBar('{bar} {percentage}% | {rate} points/s | {eta_formatted} left');
  const note = (text: string): void => {
    say(redactCredentials(text));
  };
  const problem = limitMessages(maxPrinted, 'further ones are only counted', note);
  const events: FeedEvents = {
    onNote: note,
    onStart: (bytes) => {
      bar.start(bytes, () => ({
        bytes: progress.bytes,
        values: { rate: pointsPerSecond(progress.arrived, secondsSinceStart()) },
      }));
    },
    onProgress: (bytes, arrived) => {
      progress = { bytes, arrived };
    },
    onSkipped: ({ message }) => {
      problem(`left out: ${message}`);
    },
    onRefused: ({ from }, reason) => {
      problem(`${from}: refused: ${reason}`);
    },
    onOutage: (outage) => {
      note(outageText(outage));
    },
  };
  return {
    events,
    note,
    end: () => {
      bar.stop();
    },
    async print(result: FeedResult, json: boolean): Promise<void> {
      const seconds = secondsSinceStart();
      if (json) await printJson(feedJson(result, seconds));
      else {
        const text = feedText(result, seconds);
        if (text !== undefined) note(text);
      }
    },
  };
}
