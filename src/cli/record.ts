import { Command, Option } from 'commander';
import { logLevelOption } from './options.js';
import { count, fileMode } from './parse-values.js';
import type { RecordOptions } from './run-record.js';

export function recordCommand(): Command {
  return new Command('record')
    .summary('record what passes between Kapacitor and a UDF')
    .description(
      'With --proxy, stands between Kapacitor and the socket of any UDF and writes the conversation of each connection to ' +
        'a file in --out, with times, until SIGTERM or SIGINT. Nothing is changed or held back; a full disk ends the ' +
        'recording, not the conversation. kapacitor-udf replay replays such a file.',
    )
    .requiredOption('--out <path>', 'directory of the recorded conversations')
    .option('--proxy', 'record conversations with a UDF')
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
        .argParser(count(0)),
    )
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nExample:\n  $ kapacitor-udf record --proxy --listen /tmp/udf/recorded.sock --socket /tmp/udf/mirror.sock --out ./recordings',
    )
    .action(async (options: RecordOptions) => {
      const { runRecord } = await import('./run-record.js');
      await runRecord(options);
    });
}
