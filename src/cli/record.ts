import { Command, Option } from 'commander';
import { maxTimerMs } from '../model/duration.js';
import { logLevelOption } from './options.js';
import { influxUrl } from './parse-urls.js';
import { count, fileMode } from './parse-values.js';
import type { RecordOptions } from './run-record.js';

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
    .option(
      '--url <url>',
      'InfluxDB to ask: http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME (2.x); credentials come from ' +
        'INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD, or files named by INFLUX_TOKEN_FILE or INFLUX_PASSWORD_FILE',
      influxUrl,
    )
    .option('--listen <path>', 'socket to listen on, which kapacitor.conf names in place of that of the UDF')
    .option('--socket <path>', 'socket of the UDF')
    .addOption(
      new Option('--socket-mode <mode>', 'mode of the socket file in octal')
        .default(0o660, '660')
        .argParser(fileMode),
    )
    .option(
      '--socket-group <group>',
      "group of the socket file, name or number (default: this process's own)",
    )
    .addOption(
      new Option('--drain-ms <ms>', 'how long conversations may take to finish after SIGTERM or SIGINT')
        .default(5_000)
        .argParser(count(0, maxTimerMs)),
    )
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ kapacitor-udf record --proxy --listen /tmp/udf/recorded.sock --socket /tmp/udf/mirror.sock --out ./recordings\n' +
        "  $ kapacitor-udf record --from-influx 'SELECT * FROM cpu WHERE time > now() - 1h' --url 'http://localhost:8086?db=telegraf' --out cpu.lp",
    )
    .action(async (options: RecordOptions) => {
      const { runRecord } = await import('./run-record.js');
      await runRecord(options);
    });
}
