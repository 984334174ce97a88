import { Command, Option } from 'commander';
import type { TaskWatcher } from '../tasks/watch/task-watcher.js';
import type { WatchEvent } from '../tasks/watch/watch-event.js';
import { ExitCode } from './exit-code.js';
import {
  configOption,
  logLevelOption,
  type LogOptions,
  socketDirOption,
  type SocketOptions,
} from './options.js';
import { count, timerDuration } from './parse-values.js';
import { print, say } from './print.js';
import { kapacitorUrlOption } from './url-options.js';

interface WatchOptions extends SocketOptions, LogOptions {
  readonly url?: string;
  readonly once?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly interval: bigint;
  readonly maxAttempts: number;
  readonly retryAfter: bigint;
  readonly journal?: string;
}

/** `tasks watch`: revives tasks that have lost their UDFs. */
export function watchCommand(): Command {
  return new Command('watch')
    .summary('enable tasks again that have lost the host of their UDFs')
    .description(
      'Watches the tasks that use UDFs with a socket, and enables those again that are enabled and stopped when the host ' +
        'of their UDFs went away, or that Kapacitor shows as running though their connection is gone. A task is left ' +
        'alone if it was disabled, or if it stopped for a reason of its own: wrong options, or a point that its UDF ' +
        'could not take. Nothing is done before the sockets answer. Runs until SIGTERM or SIGINT, on the machine of the ' +
        'sockets; the host itself does the same with serve --kapacitor.',
    )
    .argument('[name...]', 'UDFs (default: all with a socket in the directory or file)')
    .addOption(kapacitorUrlOption())
    .addOption(socketDirOption())
    .addOption(configOption())
    .option(
      '--once',
      'look once, revive what needs it, and exit: with 1 if a task still does not run, with 130 (SIGINT) or 143 (SIGTERM) if a signal came first',
    )
    .addOption(
      new Option('--dry-run', 'show what would be enabled again, once, and do nothing').implies({
        once: true,
      }),
    )
    .addOption(
      new Option('--interval <duration>', 'time between two looks while all is well')
        .default(2_000_000_000n, '2s')
        .argParser(timerDuration('100ms')),
    )
    .addOption(
      new Option('--max-attempts <n>', 'attempts for a task within ten minutes; then it is given up')
        .default(10)
        .argParser(count(1)),
    )
    .addOption(
      new Option('--retry-after <duration>', 'when to try a task again that was given up')
        .default(600_000_000_000n, '10m')
        .argParser(timerDuration('1s')),
    )
    .option(
      '--journal <file>',
      'remember in this file what is under way, so that a kill at that moment leaves no task disabled',
    )
    .option('--json', 'a line of JSON for each event')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nExample:\n  $ kapacitor-udf tasks watch --url http://localhost:9092 --config /etc/kapacitor/kapacitor.conf',
    )
    .action(watch);
}

async function watch(names: readonly string[], options: WatchOptions): Promise<void> {
  const { exitCodeOf, onStopSignal } = await import('../host/process-end.js');
  const watcher = await createWatcher(names, options);
  const signal = onStopSignal();
  try {
    if (!options.once) {
      await Promise.race([watcher.start(), signal]);
      await watcher.stop();
      return;
    }
    const { watchOnce } = await import('../tasks/watch/watch-once.js');
    const stop = new AbortController();
    void signal.then(() => {
      stop.abort();
    });
    const { stopped, isAvailable } = await watchOnce(watcher, stop.signal);
    if (isAvailable && stopped === 0) return;
    throw new ExitCode(signal.came ? exitCodeOf(await signal) : 1);
  } finally {
    signal.release();
  }
}

async function createWatcher(names: readonly string[], options: WatchOptions): Promise<TaskWatcher> {
  const [
    { KapacitorApi },
    { kapacitorTarget },
    { probeSocket },
    { taskConnections },
    { RevivalJournal },
    watching,
    { watchedSockets },
    { eventText },
  ] = await Promise.all([
    import('../kapacitor/api.js'),
    import('../kapacitor/target.js'),
    import('../peer/probe-socket.js'),
    import('../kapacitor/connections.js'),
    import('../tasks/watch/revival-journal.js'),
    import('../tasks/watch/task-watcher.js'),
    import('../tasks/watch/watched-sockets.js'),
    import('../tasks/watch/watch-event.js'),
  ]);
  const api = new KapacitorApi(kapacitorTarget(options.url, process.env));
  const report = (event: WatchEvent): Promise<void> =>
    print(options.json ? JSON.stringify({ time: new Date().toISOString(), ...event }) : eventText(event));
  return new watching.TaskWatcher({
    api,
    report,
    dryRun: options.dryRun === true,
    sockets: watchedSockets(names, options),
    probe: (socket) => probeSocket(socket, probeTimeoutMs),
    connections: taskConnections(api.url, { config: options.config }),
    journal: new RevivalJournal(options.journal, say),
    intervalMs: Number(options.interval / 1_000_000n),
    limits: {
      maxAttempts: options.maxAttempts,
      retryAfterMs: Number(options.retryAfter / 1_000_000n),
    },
  });
}

const probeTimeoutMs = 2_000;
