import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type UnixUser, userNamed } from '../files/unix-user.js';
import { socketPathIn, udfsWithSocket } from '../host/socket-directory.js';
import type { RemoteHost } from '../host/remote/dial.js';
import { type KapacitorSettings, readSettings, type UdfSettings } from '../kapacitor/conf-settings.js';
import {
  configFileOf,
  daemonAt,
  type DaemonProcess,
  InspectionError,
  kapacitordProcesses,
  rootOf,
  startingDaemon,
  userOf,
} from '../kapacitor/daemon-process.js';
import type { KapacitorTarget } from '../kapacitor/target.js';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { type ProbeResult, probeSocket } from '../peer/probe-socket.js';
import { contactServer, type Server } from './contact-server.js';
import { type Finding, finder } from './finding.js';

export interface DoctorOptions {
  /** kapacitor.conf: by default that of the running kapacitord, else /etc/kapacitor/kapacitor.conf. */
  readonly config?: string | undefined;
  /** The directory of the sockets, in place of a configuration file. */
  readonly socketDir?: string | undefined;
  /** Without it, the checks that need Kapacitor are left out. */
  readonly kapacitor?: KapacitorTarget | undefined;
  /** The user that Kapacitor runs as: by default that of the running kapacitord. */
  readonly kapacitorUser?: string | undefined;
  /** The `--state-dir` of the host. */
  readonly stateDir?: string | undefined;
  /** The host that a proxy on this machine connects to. */
  readonly remote?: RemoteHost | undefined;
  /** Max milliseconds for a UDF, or a request to Kapacitor, to be answered: 5000 if not given. */
  readonly answerTimeoutMs?: number | undefined;
  /** The mount point of the proc file system; default `/proc`. */
  readonly proc?: string | undefined;
}

/** What a UDF answers on its socket, or why it does not. */
export type Answer =
  | ({ readonly ok: true } & ProbeResult)
  | { readonly ok: false; readonly reason: string; readonly code: string | undefined };

/** A UDF that Kapacitor is to reach on a socket. */
export interface ExpectedSocket {
  readonly name: string;
  /** As Kapacitor knows it. */
  readonly socket: string;
  /** As this process reaches it: differs if Kapacitor runs in a container. */
  readonly path: string;
  /** `undefined` if it is missing in the configuration. */
  readonly timeoutMs: number | undefined;
  readonly answer: Answer;
}

/** What the checks are made from. */
export interface Facts {
  readonly options: DoctorOptions;
  readonly settingsFile: string | undefined;
  readonly settings: KapacitorSettings | undefined;
  readonly sockets: readonly ExpectedSocket[];
  /** The UDFs that Kapacitor starts itself. */
  readonly processes: readonly UdfSettings[];
  readonly user: UnixUser | undefined;
  readonly server: Server | undefined;
  /** The path by which this process reaches a file of Kapacitor's. */
  readonly reach: (path: string) => string;
  /** What could not be determined. */
  readonly findings: readonly Finding[];
}

const finding = finder('setup');
const defaultConfig = '/etc/kapacitor/kapacitor.conf';
const defaultAnswerTimeoutMs = 5_000;

/** Collects the facts. What cannot be determined is a finding. */
export async function collectFacts(options: DoctorOptions): Promise<Facts> {
  const { kapacitor, kapacitorUser, proc = '/proc' } = options;
  const findings: Finding[] = [];
  const daemons = kapacitor ? kapacitordProcesses(proc) : [];
  const listening = kapacitor && daemonAt(kapacitor.url, daemons);
  const starting = kapacitor && !listening ? startingDaemon(kapacitor.url, daemons) : undefined;
  const daemon = listening ?? starting;
  const user = kapacitorUser === undefined ? daemon && userOf(daemon) : knownUser(kapacitorUser, findings);
  const reach = pathsOf(daemon);
  const settingsFile = chooseSettingsFile(options, daemon, reach, findings);
  const settings = settingsFile === undefined ? undefined : settingsIn(settingsFile, findings);
  const expected = settings
    ? settings.udfs.flatMap(({ socket, ...udf }) => (socket === undefined ? [] : [{ ...udf, socket }]))
    : socketsIn(options, findings);
  const timeoutMs = options.answerTimeoutMs ?? defaultAnswerTimeoutMs;
  const sockets = await Promise.all(
    expected.map(async (udf): Promise<ExpectedSocket> => {
      const path = reach(udf.socket);
      return { ...udf, path, answer: await answerOn(path, timeoutMs) };
    }),
  );
  const server =
    kapacitor &&
    (await contactServer({
      kapacitor,
      settingsFile,
      sockets,
      timeoutMs,
      proc,
      starting,
      httpAddress: settings?.httpAddress,
    }));
  if (server && 'finding' in server) findings.push(server.finding);
  return {
    options,
    settingsFile,
    settings,
    sockets,
    user,
    reach,
    findings,
    processes: settings?.udfs.filter(({ socket }) => socket === undefined) ?? [],
    server: server && 'api' in server ? server : undefined,
  };
}

function knownUser(name: string, findings: Finding[]): UnixUser | undefined {
  try {
    return userNamed(name);
  } catch (reason) {
    if (!(reason instanceof UdfError)) throw reason;
    findings.push(
      finding(
        'error',
        `--kapacitor-user ${name}`,
        `${reason.message}, so that access to the sockets is not checked`,
        'install Kapacitor, whose packages create the user "kapacitor", or name the user that it runs as on this machine',
      ),
    );
    return undefined;
  }
}

function pathsOf(daemon: DaemonProcess | undefined): Facts['reach'] {
  const root = daemon && rootOf(daemon);
  if (root === undefined) return (path) => path;
  const [own, its] = [statSync('/'), statSync(root, { throwIfNoEntry: false })];
  return !its || (own.dev === its.dev && own.ino === its.ino) ? (path) => path : (path) => join(root, path);
}

function chooseSettingsFile(
  { config, socketDir }: DoctorOptions,
  daemon: DaemonProcess | undefined,
  reach: Facts['reach'],
  findings: Finding[],
): string | undefined {
  if (config !== undefined || socketDir !== undefined) return config;
  try {
    if (daemon) {
      const file = configFileOf(daemon);
      const root = join(daemon.directory, 'root');
      // Where its root is ours too, its own name for the file is shorter, and means something to a person.
      return reach('/') === '/' ? file.slice(root.length) : file;
    }
  } catch (reason) {
    if (!(reason instanceof InspectionError)) throw reason;
    findings.push(
      finding('warning', daemon!.directory, reason.message, 'run it as root, or give --config FILE'),
    );
  }
  if (existsSync(defaultConfig)) return defaultConfig;
  findings.push(
    finding(
      'warning',
      defaultConfig,
      'the configuration of Kapacitor is not found, so its sections of UDFs are not checked',
      'give --config FILE, or --socket-dir DIR to check the sockets alone',
    ),
  );
  return undefined;
}

function settingsIn(file: string, findings: Finding[]): KapacitorSettings | undefined {
  try {
    return readSettings(file);
  } catch (reason) {
    if (!(reason instanceof UdfError)) throw reason;
    findings.push(
      finding(
        'error',
        file,
        reason.message,
        existsSync(file)
          ? 'mend the file, or give another one with --config; Kapacitor does not start with it'
          : 'install Kapacitor, or name its configuration with --config; --socket-dir DIR checks the sockets alone',
      ),
    );
    return undefined;
  }
}

type NamedSocket = Pick<ExpectedSocket, 'name' | 'socket' | 'timeoutMs'>;

function socketsIn({ socketDir }: DoctorOptions, findings: Finding[]): NamedSocket[] {
  if (socketDir === undefined) return [];
  try {
    return udfsWithSocket(socketDir).map((name) => ({
      name,
      socket: socketPathIn(socketDir, name),
      timeoutMs: undefined,
    }));
  } catch (reason) {
    findings.push(
      finding(
        'error',
        socketDir,
        messageOf(reason),
        `start it: kapacitor-udf serve --socket-dir ${socketDir}`,
      ),
    );
    return [];
  }
}

async function answerOn(path: string, timeoutMs: number): Promise<Answer> {
  try {
    return { ok: true, ...(await probeSocket(path, timeoutMs)) };
  } catch (reason) {
    const code = reason instanceof Error ? systemCode(reason.cause) : undefined;
    return { ok: false, reason: messageOf(reason), code };
  }
}
