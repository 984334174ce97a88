import { Option } from 'commander';
import type { Isolation, ServedUdf } from '../host/served-udf.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { ExitCode, udfExitCode } from './exit-code.js';
import { listOf } from './parse-values.js';

// What the commands share that run one UDF: stdio, execd, kafka and replay.

export function setOption(): Option {
  return new Option(
    '--set <option=value...>',
    'an option of the UDF as a TICKscript writes it: 10, 1.5, TRUE, 30s, text',
  );
}

/** Which points of line protocol belong together. */
export function groupByOption(): Option {
  return new Option(
    '--group-by <tag...>',
    'tags to group by, besides the measurement (default: all tags)',
  ).argParser(listOf('the names of tags'));
}

/** Loads the UDF of a name, bundled or of the modules of `--load`. Rejects as `servedUdfs` and `chooseUdf` do. */
export async function loadOneUdf(
  name: string,
  modules: readonly string[] | undefined,
  logger: Logger,
  isolation?: Isolation,
): Promise<ServedUdf> {
  const [{ chooseUdf }, { servedUdfs }] = await Promise.all([
    import('../host/available-udfs.js'),
    import('../host/served-udf.js'),
  ]);
  return chooseUdf(await servedUdfs(modules ?? [], isolation, logger), name);
}

/** Logs the failure of a command whose output a program reads. Returns what to throw. */
export function loggedFailure(logger: Logger, reason: unknown): ExitCode {
  const error = UdfError.from(reason);
  logger.error({ code: error.code, err: error }, messageOf(error));
  return new ExitCode(udfExitCode(error));
}
