import { readFileSync } from 'node:fs';
import { parse, stringify, TomlError } from 'smol-toml';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';

/** The UDFs that a kapacitor.conf configures. */
export interface ConfiguredSockets {
  /** Those that Kapacitor connects to on a socket. */
  readonly sockets: readonly { readonly name: string; readonly path: string }[];
  /** The names of those that Kapacitor starts as child processes. */
  readonly processes: readonly string[];
}

/**
 * The sockets of a kapacitor.conf: those of the named UDFs, all if no name is given.
 *
 * Throws `invalid_config`, with line and column where it is not TOML, and `usage` for a name that is not in it.
 */
export function configuredSockets(file: string, names: readonly string[] = []): ConfiguredSockets {
  const functions = functionsOf(file);
  for (const name of names) {
    if (functions.has(name)) continue;
    const near = nearestName(name, [...functions.keys()]);
    throw new UdfError(
      'usage',
      `${file} has no section [udf.functions.${name}]${near === undefined ? '' : ` (did you mean ${near}?)`}`,
    );
  }
  const wanted = [...functions].filter(([name]) => names.length === 0 || names.includes(name));
  const sockets: { name: string; path: string }[] = [];
  const processes: string[] = [];
  for (const [name, section] of wanted) {
    const { socket, prog } = isTable(section) ? section : {};
    if (typeof socket === 'string' && socket !== '') sockets.push({ name, path: socket });
    else if (typeof prog === 'string' && prog !== '') processes.push(name);
    else throw invalid(file, `[udf.functions.${name}] needs a text socket or prog`);
  }
  if (sockets.length === 0) {
    throw invalid(
      file,
      'no [udf.functions.NAME] section names a socket; kapacitor-udf config prints such sections',
    );
  }
  return { sockets, processes };
}

/**
 * The UDFs to serve on the sockets of a kapacitor.conf, as `configuredSockets` chooses them, and the names of those that
 * Kapacitor starts as child processes. Throws as that does, and `invalid_config` for a UDF that is not among `udfs`.
 */
export function configuredUdfs<Udf>(
  file: string,
  names: readonly string[],
  udfs: ReadonlyMap<string, Udf>,
): {
  readonly sockets: { readonly udf: Udf; readonly path: string }[];
  readonly processes: readonly string[];
} {
  const { sockets, processes } = configuredSockets(file, names);
  const hosted = sockets.map(({ name, path }) => {
    const udf = udfs.get(name);
    if (udf) return { udf, path };
    const near = nearestName(name, [...udfs.keys()]);
    throw invalid(
      file,
      `[udf.functions.${name}]: there is no UDF ${name}${near === undefined ? '' : ` (did you mean ${near}?)`}; ` +
        'add its module with --load, or name the UDFs to host, so that others are left to their own hosts',
    );
  });
  return { sockets: hosted, processes };
}

function functionsOf(file: string): ReadonlyMap<string, unknown> {
  const { udf = {} } = parseFile(file);
  if (!isTable(udf)) throw invalid(file, 'udf is not a table');
  const { functions = {} } = udf;
  if (!isTable(functions)) throw invalid(file, 'udf.functions is not a table');
  return new Map(Object.entries(functions));
}

/** The content of a TOML file. Throws `invalid_config`. */
export function parseFile(file: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const missing = systemCode(cause) === 'ENOENT';
    throw new UdfError(
      'invalid_config',
      `cannot read ${file}: ${missing ? 'there is no such file' : messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [problem] = cause.message.split('\n', 1);
    throw new UdfError('invalid_config', `${file}:${cause.line}:${cause.column}: ${problem ?? ''}`, {
      cause,
    });
  }
}

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(file: string, problem: string): UdfError {
  return new UdfError('invalid_config', `${file}: ${problem}`);
}

/** How Kapacitor reaches one UDF. */
export type UdfSection = {
  readonly name: string;
  /** How long Kapacitor waits for an answer, in nanoseconds. */
  readonly timeout: bigint;
} & ({ readonly socket: string } | { readonly prog: string; readonly args: readonly string[] });

/**
 * The `[udf.functions.NAME]` sections of UDFs. Without `[udf]` and `[udf.functions]` of their own: a file that has these
 * already could not have them twice.
 */
export function formatUdfSections(sections: readonly UdfSection[]): string {
  const functions = sections.map(({ name, timeout, ...where }): [string, object] => [
    name,
    { ...where, timeout: goDuration(timeout) },
  ]);
  return stringify({ udf: { functions: Object.fromEntries(functions) } }).trimEnd();
}

/** The units of Go's time.ParseDuration, which knows neither days nor weeks, and writes microseconds as `us`. */
const goUnits = [
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
] as const;

/** A duration of nanoseconds, not negative, as Kapacitor's configuration reads it: `48h`, `1m30s`. */
export function goDuration(nanoseconds: bigint): string {
  let rest = nanoseconds;
  let text = '';
  for (const [unit, size] of goUnits) {
    if (rest >= size) text += `${rest / size}${unit}`;
    rest %= size;
  }
  return text === '' ? '0s' : text;
}
