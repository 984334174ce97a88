import { Command, Option } from 'commander';
import { loadOption, logLevelOption } from './options.js';
import { replaySpeed, tagList } from './parse-replay-options.js';
import type { ReplayOptions } from './run-replay.js';

export function replayCommand(): Command {
  return new Command('replay')
    .summary('run a recording through a UDF')
    .description(
      'Runs a recording through a UDF as a task would, and prints the points that it emits; a summary goes to standard ' +
        'error. Recordings are line protocol (.lp), those of Kapacitor (.srpl, .brpl), JSON Lines (.jsonl) and CSV (.csv), ' +
        'all of any size; .gz may stand behind the name.\n\n' +
        'A recorded conversation (.conversation, or a pair .requests and .responses) is replayed against the UDF, and what ' +
        'it answers otherwise is printed point by point, with exit code 1.',
    )
    .argument('<file>', 'the recording')
    .option('--udf <name>', 'the UDF, in this process')
    .option('--socket <path>', 'instead of --udf: replay against the agent on this Unix socket')
    .option(
      '--exec <command>',
      'instead of --udf: replay against the agent that this command starts, on its stdin and stdout',
    )
    .option(
      '--set <option=value...>',
      'an option of the UDF as a TICKscript writes it: 10, 1.5, TRUE, 30s, text',
    )
    .addOption(
      new Option('--group-by <tags>', "tags to group by, with commas between; '*' for all, '' for none")
        .default('*')
        .argParser(tagList),
    )
    .addOption(
      new Option(
        '--format <format>',
        'how the points are printed (default: as the name of --out says, else lp)',
      ).choices(['lp', 'json', 'csv', 'table']),
    )
    .option('--out <file>', 'write the points to this file; its name tells the format, .srpl and .brpl too')
    .option('--expect <golden>', 'compare with the points in this file: print the difference, exit code 1')
    .option('--update', 'write what comes to the file of --expect')
    .option('--html <file>', 'also write a page that shows what went in and what came out')
    .addOption(
      new Option(
        '--speed <speed>',
        "how fast a recording of points is: max, real for the points' own times, or so many times faster, 60x",
      )
        .default(Infinity, 'max')
        .argParser(replaySpeed),
    )
    .option('--skip-bad', 'count what is malformed and go on, instead of stopping there')
    .addOption(loadOption())
    .option('--watch', 'run again whenever a module of --load changes')
    .addOption(logLevelOption().default('error'))
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf replay adsl.srpl --udf edgeDetect --set field=value')
    .action(async (file: string, options: ReplayOptions) => {
      const { runReplay } = await import('./run-replay.js');
      await runReplay(file, options);
    });
}
