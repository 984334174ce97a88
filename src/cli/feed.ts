import { Command, Option } from 'commander';
import { recordingFormats } from '../recording/format.js';
import { logLevelOption } from './options.js';
import { influxUrl, kapacitorWriteUrl } from './parse-urls.js';
import { count, timerDuration } from './parse-values.js';
import { replaySpeed } from './parse-replay-options.js';
import type { FeedOptions } from './run-feed.js';

export function feedCommand(): Command {
  return new Command('feed')
    .summary('write data into InfluxDB or Kapacitor')
    .description(
      'Writes line protocol, CSV, JSON Lines or recordings into InfluxDB 1.x or 2.x, or straight into Kapacitor. ' +
        'Lines without a time get one, so that what is sent again after an outage is stored once. What the server ' +
        'refuses is told line by line. The exit code is 0 only if everything has arrived but for what --skip-bad leaves out; ' +
        'stopped before the end it is 130 (SIGINT) or 143 (SIGTERM). What has no end, --follow and a demo with ' +
        '--shift-to-now, is ended by a signal, and exits 0 if all until then has arrived.',
    )
    .argument('[source...]', "files, globs (in quotes), or '-' for standard input")
    .option(
      '--url <url>',
      'an InfluxDB: http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME (2.x); credentials come from INFLUX_TOKEN, ' +
        'or INFLUX_USERNAME and INFLUX_PASSWORD, or files named by INFLUX_TOKEN_FILE or INFLUX_PASSWORD_FILE',
      influxUrl,
    )
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
    )
    .addOption(new Option('--demo <name>', 'made-up data instead of a source').choices(['adsl', 'meters']))
    .addOption(
      new Option('--seed <n>', 'another number, other data of the demo (default: 1)').argParser(count(0)),
    )
    .addOption(
      new Option('--points <n>', 'points of the demo (default: 1000; with --shift-to-now no end)').argParser(
        count(1),
      ),
    )
    .option('--follow', 'go on with what is appended to the file, until a signal')
    .addOption(
      new Option('--speed <speed>', "max, real for the points' own times, or so many times faster: 60x")
        .default(Infinity, 'max')
        .argParser(replaySpeed),
    )
    .option(
      '--shift-to-now',
      'move all times so that the newest is now; a demo begins at midnight a day ago, and goes on as time does',
    )
    .option('--skip-bad', 'tell what is malformed and go on, instead of stopping there')
    .option('--spool <dir>', 'where lines wait while the server is away; without it reading waits')
    .addOption(new Option('--batch <n>', 'lines a request').default(5000).argParser(count(1)))
    .addOption(
      new Option('--flush <duration>', 'the longest that a line waits for others')
        .default(1_000_000_000n, '1s')
        .argParser(timerDuration('1ms')),
    )
    .option('--json', 'the summary as JSON on standard output')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nExamples:\n' +
        "  $ kapacitor-udf feed 'data/*.lp' --url 'http://localhost:8086?db=telegraf'\n" +
        "  $ kapacitor-udf feed --demo adsl --shift-to-now --url 'http://localhost:8086?db=telegraf'",
    )
    .action(async (sources: string[], options: FeedOptions) => {
      const { runFeed } = await import('./run-feed.js');
      await runFeed(sources, options);
    });
}
