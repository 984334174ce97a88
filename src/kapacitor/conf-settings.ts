import { isTable, parseFile } from './conf.js';

/** How a kapacitor.conf says that Kapacitor reaches a UDF. */
export interface UdfSettings {
  readonly name: string;
  readonly socket: string | undefined;
  readonly prog: string | undefined;
  /** Milliseconds; `undefined` if it is missing or no duration. */
  readonly timeoutMs: number | undefined;
}

/** What a kapacitor.conf says that matters to UDFs. Values of a wrong type count as missing. */
export interface KapacitorSettings {
  readonly udfs: readonly UdfSettings[];
  /** How often the states of tasks are stored: a minute if not given, 0 for never. */
  readonly snapshotIntervalMs: number;
  /** The file that holds tasks and their snapshots. */
  readonly boltdb: string;
  /** Where the API listens: host, which may be empty, and port. */
  readonly httpAddress: string;
}

const defaultSnapshotIntervalMs = 60_000;
const defaultBoltdb = '/var/lib/kapacitor/kapacitor.db';
const defaultHttpAddress = ':9092';

/** Reads the settings. Throws `invalid_config`, with line and column where the file is not TOML. */
export function readSettings(file: string): KapacitorSettings {
  const { udf, task, storage, http } = parseFile(file);
  const functions = tableIn(tableIn(udf).functions);
  return {
    udfs: Object.entries(functions).map(([name, section]) => {
      const { socket, prog, timeout } = tableIn(section);
      return { name, socket: textOf(socket), prog: textOf(prog), timeoutMs: goDurationMs(timeout) };
    }),
    snapshotIntervalMs: goDurationMs(tableIn(task)['snapshot-interval']) ?? defaultSnapshotIntervalMs,
    boltdb: textOf(tableIn(storage).boltdb) ?? defaultBoltdb,
    httpAddress: textOf(tableIn(http)['bind-address']) ?? defaultHttpAddress,
  };
}

type Table = Readonly<Record<string, unknown>>;

function tableIn(value: unknown): Table {
  return isTable(value) ? value : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const unitMs = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** A duration as Go's time.ParseDuration takes it, without a sign: `1m30s`, `1.5h`, `0`. */
function goDurationMs(value: unknown): number | undefined {
  if (value === '0') return 0;
  if (typeof value !== 'string' || !/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(value)) {
    return undefined;
  }
  const parts = value.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g);
  return Array.from(parts).reduce((sum, [, count, unit]) => sum + Number(count) * unitMs.get(unit!)!, 0);
}
