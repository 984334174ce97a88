import { Command, Option } from 'commander';
import { addRunOptions, configOption, socketDirOption } from './options.js';
import { influxUrl } from './parse-urls.js';
import { count, fileMode, timerDuration } from './parse-values.js';
import type { ServeOptions } from './run-serve.js';

export function serveCommand(): Command {
  const command = new Command('serve')
    .summary('host UDFs on Unix sockets')
    .description(
      'Hosts UDFs on Unix sockets, one each, until SIGTERM or SIGINT: then it finishes what has come, removes the ' +
        'sockets and exits with 0. Logs go to standard error, a line of JSON each.',
    )
    .argument('[name...]', 'UDFs to host (default: all)')
    .addOption(socketDirOption())
    .addOption(configOption())
    .addOption(
      new Option(
        '--socket-mode <mode>',
        'mode of the socket files in octal; to connect takes write permission',
      )
        .default(0o660, '660')
        .argParser(fileMode),
    )
    .option(
      '--socket-group <group>',
      "group of the socket files, name or number (default: this process's own)",
    )
    .addOption(
      new Option('--max-connections <n>', 'connections at a time; each use of a UDF in a task is one')
        .default(1024)
        .argParser(count(1)),
    )
    .option(
      '--telemetry <url>',
      "write the runtime's own figures to this InfluxDB: http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME " +
        '(2.x); credentials come from INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD, or files named by ' +
        'INFLUX_TOKEN_FILE or INFLUX_PASSWORD_FILE',
      influxUrl,
    )
    .addOption(
      new Option('--telemetry-interval <duration>', 'how often to write them')
        .default(10_000_000_000n, '10s')
        .argParser(timerDuration('100ms')),
    );
  command.option(
    '--record <dir>',
    'write the conversation of each connection to a file of its own in this directory (default: none is written)',
  );
  return addRunOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ kapacitor-udf serve edgeDetect movingAverage --socket-dir /tmp/udf --socket-group kapacitor\n' +
        '  $ kapacitor-udf serve --config /etc/kapacitor/kapacitor.conf --load ./my-udf.js',
    )
    .action(async (names: string[], options: ServeOptions) => {
      const { runServe } = await import('./run-serve.js');
      await runServe(names, options);
    });
}
