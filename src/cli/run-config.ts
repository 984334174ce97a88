import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { stringify } from 'smol-toml';
import { formatDuration } from '../model/duration.js';
import { availableUdfs, chooseUdfs } from './available-udfs.js';
import { defaultSocketDir, type LoadOptions, type LogOptions } from './options.js';
import { print } from './print.js';

export interface ConfigOptions extends LoadOptions, LogOptions {
  readonly socketDir?: string;
  readonly process?: true;
  readonly timeout: bigint;
}

/** Prints what Kapacitor must know to reach UDFs. */
export async function runConfig(names: readonly string[], options: ConfigOptions): Promise<void> {
  const { load = [], socketDir = defaultSocketDir } = options;
  const timeout = formatDuration(options.timeout);
  const sections = chooseUdfs(await availableUdfs(load), names).map(({ name }) => {
    const section = options.process
      ? { ...childProcess(name, load), timeout }
      : { socket: resolve(socketDir, `${name}.sock`), timeout };
    return [name, section];
  });
  // No [udf] or [udf.functions] of its own: a file that has them already would not take them twice.
  await print(
    stringify({ udf: { functions: Object.fromEntries(sections) as Record<string, never> } }).trimEnd(),
  );
}

/** With whole paths, because Kapacitor has a PATH and a directory of its own. */
function childProcess(name: string, load: readonly string[]): { prog: string; args: string[] } {
  const modules = load.map((module) => (existsSync(module) ? resolve(module) : module));
  const script = process.argv[1]!; // the file that Node.js was started with: there is always one
  return {
    prog: process.execPath,
    args: [script, 'stdio', name, ...(modules.length > 0 ? ['--load', ...modules] : [])],
  };
}
