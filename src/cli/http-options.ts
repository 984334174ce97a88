import { type Command, Option } from 'commander';
import { count, httpAddress } from './parse-values.js';

export function maxConnectionsOption(): Option {
  return new Option('--max-connections <n>', 'connections at a time; each use of a UDF in a task is one')
    .default(1024)
    .argParser(count(1));
}

/** Adds `--http` and `--http-points`. */
export function addHttpOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--http <address>',
        'serve /healthz, /readyz, /metrics for Prometheus and a live page at / on this port, of this machine only unless written as host:port (default: not served)',
      ).argParser(httpAddress),
    )
    .option(
      '--http-points',
      'show points of tasks on the live page to all who reach it (default: only where that is this machine alone)',
    )
    .option('--no-http-points', 'show no points on the live page (default: see --http-points)');
}
