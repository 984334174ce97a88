import { Command, Option } from 'commander';
import { influxTarget } from '../influx/target.js';
import { UdfError } from '../model/errors.js';
import { counted } from '../model/text.js';
import {
  drainOption,
  logLevelOption,
  type LogOptions,
  socketGroupOption,
  socketModeOption,
} from './options.js';
import { influxUrlOption } from './url-options.js';

interface RecordFlags extends LogOptions {
  readonly out: string;
  readonly proxy?: true;
  readonly fromInflux?: string;
  readonly url?: string;
  readonly listen?: string;
  readonly socket?: string;
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly drainMs: number;
}

export function recordCommand(): Command {
  return new Command('record')
    .summary('record what passes between Kapacitor and a UDF, or what a query finds')
    .description(
      'With --proxy, stands between Kapacitor and the socket of any UDF and writes the conversation of each connection to ' +
        'a file in --out, with times, until SIGTERM or SIGINT. Nothing is changed or held back; a full disk ends the ' +
        'recording, not the conversation. kapacitor-udf replay replays such a file.\n\n' +
        'With --from-influx, writes the points that a query finds in InfluxDB to the recording --out. Leave out GROUP BY, ' +
        'so that the points of all series come in the order of their times; tags are found without it. A Flux query without ' +
        'pivot() gives a point for each field, series by series.',
    )
    .requiredOption(
      '--out <path>',
      'directory of the recorded conversations; with --from-influx a file: .lp, .srpl, .jsonl or .csv, also with .gz',
    )
    .option('--proxy', 'record conversations with a UDF')
    .addOption(
      new Option(
        '--from-influx <query>',
        'record what this query finds: InfluxQL (1.x) or Flux (2.x)',
      ).conflicts(['proxy', 'listen', 'socket']),
    )
    .addOption(influxUrlOption('--url', 'InfluxDB to ask'))
    .option('--listen <path>', 'socket to listen on, which kapacitor.conf names in place of that of the UDF')
    .option('--socket <path>', 'socket of the UDF')
    .addOption(socketModeOption())
    .addOption(socketGroupOption())
    .addOption(drainOption())
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ kapacitor-udf record --proxy --listen /tmp/udf/recorded.sock --socket /tmp/udf/mirror.sock --out ./recordings\n' +
        "  $ kapacitor-udf record --from-influx 'SELECT * FROM cpu WHERE time > now() - 1h' --url 'http://localhost:8086?db=telegraf' --out cpu.lp",
    )
    .action(async (flags: RecordFlags) => {
      if (flags.fromInflux !== undefined) await recordFromInflux(flags.fromInflux, flags);
      else if (flags.proxy) await recordProxy(flags);
      else throw new UdfError('usage', 'say what to record: --proxy, or --from-influx QUERY');
    });
}

async function recordFromInflux(query: string, { url, out }: RecordFlags): Promise<void> {
  if (url === undefined) {
    throw new UdfError(
      'usage',
      'record --from-influx needs --url http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME (2.x)',
    );
  }
  const { recordQuery } = await import('../record/record-query.js');
  const points = await recordQuery({ target: influxTarget(url, process.env), query, out });
  process.stderr.write(`${counted(points, 'point')} recorded in ${out}\n`);
}

/** Records until a signal comes. */
async function recordProxy({ listen, socket, ...flags }: RecordFlags): Promise<void> {
  if (listen === undefined || socket === undefined) {
    throw new UdfError(
      'usage',
      'record --proxy needs --listen PATH, where Kapacitor connects, and --socket PATH, where the UDF is',
    );
  }
  const { recordConversations } = await import('../record/record-conversations.js');
  const { onStopSignal, onUncaught } = await import('../host/process-end.js');
  const { createLogger } = await import('../telemetry/create-logger.js');
  const logger = createLogger({ level: flags.logLevel });
  const recording = recordConversations({ ...flags, listen, socket, logger });
  const removeFile = (): void => {
    recording.removeFile();
  };
  onUncaught(logger, removeFile);
  const signal = onStopSignal(removeFile);
  await Promise.race([recording.start(), signal]);
  if (!signal.came) logger.info({ listen, socket, out: flags.out }, 'ready');
  logger.info({ signal: await signal }, 'stopping');
  await recording.stop();
  logger.info({}, 'stopped');
}
