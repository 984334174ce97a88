import { stat } from 'node:fs/promises';
import { glob } from 'tinyglobby';
import { UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';
import { createInfluxWriter } from '../influx/writer.js';
import { inBatches } from '../feed/batches.js';
import { Delivery } from '../feed/delivery.js';
import { type DemoName, demoSource } from '../feed/demo-source.js';
import { feedTarget, type TargetOptions } from '../feed/feed-target.js';
import { fileLines, type ReadOptions } from '../feed/file-lines.js';
import type { Line } from '../feed/line.js';
import { paced } from '../feed/paced.js';
import { FeedReport } from '../feed/report.js';
import { shifted, shiftToNow } from '../feed/shift.js';
import { Spool } from '../feed/spool.js';
import { ExitCode } from './exit-code.js';
import type { LogOptions } from './options.js';
import { exitCodeOf, onStopSignal } from '../host/process-end.js';

export interface FeedOptions extends LogOptions, TargetOptions {
  readonly format?: RecordingFormat;
  readonly demo?: DemoName;
  readonly seed?: number;
  readonly points?: number;
  readonly follow?: true;
  readonly speed: number;
  readonly shiftToNow?: true;
  readonly skipBad?: true;
  readonly spool?: string;
  readonly batch: number;
  readonly flush: bigint;
  readonly json?: true;
}

/**
 * Writes sources into a database until they end, or until a signal. The exit code is 1 unless everything arrived, and the
 * signal's if it came before the end of sources that have one.
 */
export async function runFeed(sources: readonly string[], options: FeedOptions): Promise<void> {
  checkUsage(sources, options);
  const writer = createInfluxWriter(feedTarget(options, process.env));
  const files = await filesOf(sources);
  if (options.follow && files.length !== 1) {
    throw new UdfError('usage', `--follow takes one file, and ${sources[0]} means ${files.length}`);
  }
  const stop = new AbortController();
  const stopSignal = onStopSignal(() => undefined);
  void stopSignal.then(() => {
    stop.abort();
  });
  const spool = options.spool === undefined ? undefined : await Spool.open(options.spool);
  const report = new FeedReport(await sizeOf(files, options));
  const delivery = new Delivery({
    writer,
    spool,
    signal: stop.signal,
    onRefused: (line, reason) => {
      report.refused(line, reason);
    },
    onOutage: (reason) => {
      report.outage(reason);
    },
  });
  const reading: Reading = { whole: false };
  try {
    const lines = readInto(reading, await linesOf(files, options, stop.signal, report), stop.signal);
    const flushMs = Number(options.flush / 1_000_000n);
    const timed = paced(lines, options.speed, stop.signal);
    for await (const batch of inBatches(timed, { size: options.batch, flushMs, signal: stop.signal })) {
      await delivery.send(batch);
      report.progress(delivery.arrived);
    }
    await delivery.finish();
  } finally {
    report.end();
  }
  const waiting = spool?.size ?? 0;
  await report.print(delivery, waiting, options.json ?? false);
  if (reading.mistake) throw reading.mistake.reason;
  const isCut = !reading.whole && !isEndless(options);
  if (stopSignal.came && (isCut || delivery.unsent > 0)) {
    const signal = await stopSignal;
    report.note(`stopped by ${signal} before the end`);
    throw new ExitCode(exitCodeOf(signal));
  }
  if (delivery.refused + delivery.unsent + waiting > 0) throw new ExitCode(1);
}

/** How the reading ended, once it has. */
interface Reading {
  /** Whether it came to the end of all sources. */
  whole: boolean;
  /** What ended it before its time. What came before is sent all the same. */
  mistake?: { readonly reason: unknown };
}

/** The lines before the first mistake. */
async function* readInto(
  reading: Reading,
  lines: AsyncIterable<Line>,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  try {
    yield* lines;
    reading.whole = !signal.aborted; // at which a demo ends
  } catch (reason) {
    reading.mistake = { reason };
  }
}

/** Whether only a signal ends it, which is then as good an end as any. */
function isEndless({ follow, demo, shiftToNow: live, points }: FeedOptions): boolean {
  return follow === true || (demo !== undefined && live === true && points === undefined);
}

function checkUsage(sources: readonly string[], options: FeedOptions): void {
  const { demo, follow, shiftToNow: shift, points, seed } = options;
  if (sources.length > 0 === (demo !== undefined))
    throw new UdfError('usage', 'name either sources or --demo');
  if (demo === undefined && (points !== undefined || seed !== undefined)) {
    throw new UdfError('usage', '--points and --seed are of --demo, and there is none');
  }
  if (follow && (sources.length !== 1 || sources[0] === '-'))
    throw new UdfError('usage', '--follow takes one file');
  if (shift && (follow || sources.includes('-'))) {
    throw new UdfError('usage', '--shift-to-now must know the newest time: it takes files that are whole');
  }
}

/** The files that the sources mean, each glob's in order. */
async function filesOf(sources: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const source of sources) {
    if (!/[*?[{]/.test(source)) {
      files.push(source);
      continue;
    }
    const found = await glob(source, { expandDirectories: false });
    if (found.length === 0) throw new UdfError('invalid_config', `no file matches ${source}`);
    files.push(...found.sort());
  }
  return files;
}

/** The bytes of all files; undefined where there is no end to them. */
async function sizeOf(files: readonly string[], { follow }: FeedOptions): Promise<number | undefined> {
  if (follow || files.length === 0 || files.includes('-')) return undefined;
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function linesOf(
  files: readonly string[],
  options: FeedOptions,
  signal: AbortSignal,
  report: FeedReport,
): Promise<AsyncIterable<Line>> {
  const { demo, seed = 1, points, follow = false, skipBad = false, format } = options;
  if (demo !== undefined) {
    return demoSource(demo, { seed, points, live: options.shiftToNow ?? false, signal });
  }
  const reading: ReadOptions = {
    format,
    skipBad,
    follow,
    signal,
    onBad: ({ message }) => {
      report.bad(message);
    },
    onNote: (note) => {
      report.note(note);
    },
    onRead: (bytes) => {
      report.read(bytes);
    },
  };
  if (!options.shiftToNow) return allLines(files, reading, report);
  const quiet = { ...reading, onBad: () => undefined, onRead: undefined };
  const by = await shiftToNow(allLines(files, quiet), BigInt(Date.now()) * 1_000_000n);
  return (async function* () {
    for await (const line of allLines(files, reading, report)) yield shifted(line, by);
  })();
}

async function* allLines(
  files: readonly string[],
  reading: ReadOptions,
  report?: FeedReport,
): AsyncGenerator<Line> {
  for (const file of files) {
    yield* fileLines(file, reading);
    report?.fileDone();
  }
}
