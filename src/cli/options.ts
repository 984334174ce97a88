import { type Command, Option } from 'commander';
import { defaultLimits } from '../agent/limits.js';
import type { DeadLetterFiles } from '../host/dead-letters/dead-letter-files.js';
import type { ConnectionOptions } from '../host/host-options.js';
import { defaultSocketDir } from '../host/socket-directory.js';
import type { WatchdogSettings } from '../host/watchdog.js';
import { type LogFormat, logFormats, type Logger, type LogLevel, logLevels } from '../telemetry/logger.js';
import { maxTimerMs } from '../model/duration.js';
import type { ErrorPolicy } from '../udf/runtime-options.js';
import type { IsolationFlags } from './isolation-options.js';
import { requireAnyOf } from './dependent-options.js';
import {
  byteLimitOption,
  count,
  duration,
  fileMode,
  nonEmpty,
  replaySpeed,
  timerDuration,
} from './parse-values.js';

export interface LogOptions {
  readonly logLevel: LogLevel;
  readonly logFormat?: LogFormat;
}

export function logLevelOption(): Option {
  return new Option('--log-level <level>', 'how much to log on standard error; debug adds stack traces')
    .choices(logLevels)
    .default('info');
}

/** Adds `--log-level` and `--log-format`, for a command that hands both to `createLogger`. */
export function addLogOptions(command: Command): Command {
  return command
    .addOption(logLevelOption())
    .addOption(
      new Option(
        '--log-format <format>',
        'json: one line per entry; pretty: for people; telegraf: for its execd plugins; auto: pretty on a terminal, else json',
      )
        .choices(logFormats)
        .default('auto'),
    );
}

export interface QuietOptions {
  readonly quiet?: true;
}

/** `--quiet`: logs warnings and errors only. What else the command leaves out is in `doc`. */
export function quietOption(doc = 'log warnings and errors only'): Option {
  return new Option('-q, --quiet', doc).implies({ logLevel: 'warn' });
}

export interface LoadOptions {
  /** Modules with UDFs of the user's own. */
  readonly load?: readonly string[];
}

export function loadOption(): Option {
  return new Option('--load <module...>', 'also take UDFs from these modules: paths, or names of packages');
}

/** Which sockets are meant. */
export interface SocketOptions {
  readonly socketDir?: string;
  readonly config?: string;
}

export function socketDirOption(): Option {
  return new Option(
    '--socket-dir <dir>',
    `directory of the sockets, NAME.sock each (default: ${defaultSocketDir})`,
  );
}

export function configOption(): Option {
  return new Option(
    '--config <file>',
    'kapacitor.conf; the sockets are those of its [udf.functions.NAME] sections',
  ).conflicts('socketDir');
}

export function socketModeOption(): Option {
  return new Option(
    '--socket-mode <mode>',
    'mode of the socket file in octal; connecting needs write permission',
  )
    .default(0o660, '660')
    .argParser(fileMode);
}

export function socketGroupOption(): Option {
  return new Option(
    '--socket-group <group>',
    "group of the socket file, and of its directory if that is made, name or number (default: this process's own)",
  );
}

export function drainOption(): Option {
  return new Option('--drain-ms <ms>', 'how long conversations may take to finish after SIGTERM or SIGINT')
    .default(5_000)
    .argParser(count(0, maxTimerMs));
}

export function speedOption(): Option {
  return new Option('--speed <speed>', "max, real for the points' own times, or a factor like 60x")
    .default(Infinity, 'max')
    .argParser(replaySpeed);
}

/** How UDFs are run, wherever their points come from. */
export interface UdfRunOptions extends LogOptions, LoadOptions {
  readonly onError?: ErrorPolicy;
  readonly groupTtl?: bigint;
  readonly maxGroups?: number;
  readonly strictRestore?: true;
  readonly drainMs: number;
  readonly messageBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly batchBytes: number;
  readonly snapshotBytes: number;
  readonly reorderBytes: number;
  readonly handlerMs: number;
  readonly stallLimit?: bigint;
}

/** How UDFs are run that keep their state, and points that are dropped, in files of this machine. */
export interface RunOptions extends UdfRunOptions {
  readonly deadLetter?: string;
  readonly deadLetterBytes: number;
  readonly stateDir?: string;
  readonly stateInterval: bigint;
  readonly stateMaxAge: bigint;
}

export function addRunOptions(command: Command): Command {
  return addRemoteRunOptions(command.addOption(loadOption()));
}

/** As `addRunOptions`, for UDFs whose modules are loaded elsewhere. */
export function addRemoteRunOptions(command: Command): Command {
  return addLimitOptions(addFileOptions(addPolicyOptions(command)));
}

/** Adds the options of `UdfRunOptions`. */
export function addUdfRunOptions(command: Command): Command {
  return addLimitOptions(addPolicyOptions(command.addOption(loadOption())));
}

export function stateIntervalOption(): Option {
  return new Option('--state-interval <duration>', 'how often to save a state that has changed')
    .default(10_000_000_000n, '10s')
    .argParser(timerDuration('1ms'));
}

function addPolicyOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--on-error <policy>',
        "when a point fails: stop the task, drop the point, or pass it on unchanged (default: the UDF's own, else stop)",
      ).choices(['stop', 'drop', 'pass'] satisfies ErrorPolicy[]),
    )
    .addOption(
      new Option(
        '--group-ttl <duration>',
        "forget a group's state after it had no points for this long, e.g. 24h (default: never)",
      ).argParser(duration('1ns')),
    )
    .addOption(
      new Option(
        '--max-groups <n>',
        'keep the state of at most this many groups a task, the last used ones (default: no limit)',
      ).argParser(count(1)),
    )
    .option(
      '--strict-restore',
      'fail a task whose snapshot cannot be restored, instead of starting it afresh',
    );
}

function addFileOptions(command: Command): Command {
  requireAnyOf(command, ['deadLetterBytes'], ['deadLetter']);
  requireAnyOf(command, ['stateInterval', 'stateMaxAge'], ['stateDir']);
  return command
    .option(
      '--dead-letter <dir>',
      'write the points that the policy "drop" drops to files in this directory, which replay reads (default: none)',
      nonEmpty,
    )
    .addOption(
      byteLimitOption(
        '--dead-letter-bytes',
        64 * 1024 * 1024,
        'how much these files may take; the oldest are removed',
      ),
    )
    .option(
      '--state-dir <dir>',
      'keep the newest state of each task here, so that it continues after any end of this process (default: not kept)',
      nonEmpty,
    )
    .addOption(stateIntervalOption())
    .addOption(
      new Option('--state-max-age <duration>', 'remove the state of a task that has not run for this long')
        .default(30n * 24n * 3_600_000_000_000n, '30d')
        .argParser(duration('2h')),
    );
}

function addLimitOptions(command: Command): Command {
  command
    .addOption(byteLimitOption('--message-bytes', defaultLimits.messageBytes, 'largest message that is read'))
    .addOption(
      byteLimitOption('--input-bytes', defaultLimits.inputBytes, 'how much is read ahead of a busy handler'),
    )
    .addOption(
      byteLimitOption(
        '--output-bytes',
        defaultLimits.outputBytes,
        'how much emitted output may wait until Kapacitor reads it',
      ),
    )
    .addOption(
      byteLimitOption(
        '--batch-bytes',
        defaultLimits.batchBytes,
        'largest batch that is collected for a handler',
      ),
    )
    .addOption(byteLimitOption('--snapshot-bytes', defaultLimits.snapshotBytes, 'largest snapshot'))
    .addOption(
      byteLimitOption(
        '--reorder-bytes',
        defaultLimits.reorderBytes,
        'how much may wait for .reorder(); above it, what came first is handled early',
      ),
    )
    .addOption(
      new Option('--handler-ms <ms>', 'how long an async handler may take for one call; 0 for no limit')
        .default(defaultLimits.handlerMs)
        .argParser(count(0, maxTimerMs)),
    )
    .addOption(drainOption())
    .addOption(
      new Option(
        '--stall-limit <duration>',
        'end with exit code 70 once a UDF has blocked the event loop for this long, e.g. 30s (default: never)',
      ).argParser(timerDuration('1s')),
    )
    .addOption(quietOption());
  return addLogOptions(command);
}

/** Opens the files of dead letters, if wanted. They are to be closed after the last connection. */
export async function openDeadLetters(
  { deadLetter: directory, deadLetterBytes: maxBytes }: RunOptions,
  logger: Logger,
): Promise<DeadLetterFiles | undefined> {
  if (directory === undefined) return undefined;
  const { createDeadLetterFiles } = await import('../host/dead-letters/dead-letter-files.js');
  const files = createDeadLetterFiles({ directory, maxBytes, logger });
  logger.info({ to: directory }, 'points that are dropped are kept as dead letters');
  return files;
}

/** How the watchdog of a serving process works. */
export function watchdogSettings({ stallLimit, logLevel, logFormat }: UdfRunOptions): WatchdogSettings {
  return {
    stallLimitMs: stallLimit === undefined ? undefined : Number(stallLimit / 1_000_000n),
    log: { level: logLevel, format: logFormat },
  };
}

/** The options of a command line as a host or an agent takes them. */
export async function connectionOptions(
  options: RunOptions & Partial<Pick<IsolationFlags, 'journalBytes'>>,
): Promise<ConnectionOptions> {
  return {
    ...(await udfSettings(options)),
    stateDir: options.stateDir,
    stateIntervalMs: Number(options.stateInterval / 1_000_000n),
    stateMaxAgeMs: Number(options.stateMaxAge / 1_000_000n),
  };
}

/** The options of `addUdfRunOptions`, likewise. */
export async function udfSettings(
  options: UdfRunOptions & Partial<Pick<IsolationFlags, 'journalBytes'>>,
): Promise<ConnectionOptions> {
  const { createLogger } = await import('../telemetry/create-logger.js');
  const { messageBytes, inputBytes, outputBytes, batchBytes, snapshotBytes, handlerMs } = options;
  const { reorderBytes, journalBytes = defaultLimits.journalBytes } = options;
  return {
    logger: createLogger({ level: options.logLevel, format: options.logFormat }),
    onError: options.onError,
    groupTtl: options.groupTtl,
    maxGroups: options.maxGroups,
    strictRestore: options.strictRestore,
    limits: {
      messageBytes,
      inputBytes,
      outputBytes,
      batchBytes,
      snapshotBytes,
      handlerMs,
      reorderBytes,
      journalBytes,
    },
  };
}
