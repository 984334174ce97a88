import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { infoOf } from '../../../src/agent/instance-options.js';
import { diagnose, type DoctorOptions, type Finding } from '../../../src/doctor/diagnose.js';
import { createHost } from '../../../src/host/host.js';
import type { Task } from '../../../src/kapacitor/types.js';
import type { UdfDefinition } from '../../../src/udf/definition.js';
import type { InfoMessage } from '../../../src/wire/messages.js';
import { mirror, outliers } from '../../../udfs/index.js';
import { silentLogger } from '../../support/silent-logger.js';
import { tempDir } from '../../support/temp-dir.js';
import { fakeServer, type FakeServer } from './fake-server.js';

/** A host, a kapacitor.conf and a Kapacitor that fit together, until a test changes one of them. */
export interface Setup {
  readonly directory: string;
  /** Of the sockets. */
  readonly sockets: string;
  readonly config: string;
  readonly kapacitor: FakeServer;
  socketOf(udf: string): string;
  /** Writes the configuration anew. */
  configure(text: string): void;
  stopHost(): Promise<void>;
  /** What is found, without the defects of Kapacitor's version. */
  findings(options?: Partial<DoctorOptions>): Promise<readonly Finding[]>;
}

export async function setUp(definitions: readonly UdfDefinition[] = [mirror, outliers]): Promise<Setup> {
  const directory = tempDir();
  const [sockets, proc] = [join(directory, 's'), join(directory, 'proc')];
  const config = join(directory, 'kapacitor.conf');
  mkdirSync(proc);
  const socketOf = (udf: string): string => join(sockets, `${udf}.sock`);
  const host = createHost({
    sockets: definitions.map((definition) => ({ definition, path: socketOf(definition.name) })),
    logger: silentLogger,
  });
  onTestFinished(() => host.stop());
  await host.start();
  const kapacitor = await fakeServer();
  for (const definition of definitions) {
    kapacitor.infos.set(definition.name, infoOf(definition) as InfoMessage); // an Info response is one
  }
  const setup: Setup = {
    directory,
    sockets,
    config,
    kapacitor,
    socketOf,
    configure: (text) => {
      writeFileSync(config, text);
    },
    stopHost: () => host.stop(),
    findings: async (options = {}) => {
      const target = { url: kapacitor.url };
      const { findings } = await diagnose({
        config,
        kapacitor: target,
        proc,
        kapacitorUser: '0',
        ...options,
      });
      return findings.filter(({ check }) => check !== 'versions');
    },
  };
  setup.configure(definitions.map(({ name }) => section(name, `socket = "${socketOf(name)}"`)).join(''));
  return setup;
}

/** A section of a kapacitor.conf. */
export function section(udf: string, lines: string, timeout = 'timeout = "10s"'): string {
  return `[udf.functions.${udf}]\n${lines}\n${timeout}\n`;
}

/** A task that runs. */
export function taskOf(id: string, script: string, more: Partial<Task> = {}): Task {
  return {
    id,
    script,
    type: 'stream',
    'template-id': '',
    dbrps: [],
    dot: '',
    vars: {},
    status: 'enabled',
    executing: true,
    error: '',
    'last-enabled': '2026-01-01T00:00:00Z',
    stats: { 'task-stats': { throughput: 1 }, 'node-stats': {} },
    ...more,
  };
}

/** Findings as lines, without the remedy. */
export const linesOf = (findings: readonly Finding[]): string[] =>
  findings.map(({ severity, where, what }) => `${severity} ${where}: ${what}`);

/** A proc file system with a kapacitord that listens at the URL and runs as a user of no groups but its own. */
export function procWith(
  setup: { directory: string; kapacitor: { url: string } },
  config: string,
  uid = 4_242,
): string {
  const proc = join(setup.directory, 'proc');
  const daemon = join(proc, '7');
  mkdirSync(join(daemon, 'net'), { recursive: true });
  mkdirSync(join(daemon, 'fd'));
  const port = Number(new URL(setup.kapacitor.url).port).toString(16).toUpperCase().padStart(4, '0');
  const row = `0: 0100007F:${port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 55 1`;
  for (const [name, content] of [
    ['../uptime', '100000.00 1.0'],
    ['comm', 'kapacitord\n'],
    ['cmdline', `kapacitord\0-config\0${config}\0`],
    ['status', `Name:\tkapacitord\nUid:\t0\t0\t0\t${uid}\nGid:\t0\t0\t0\t${uid}\nGroups:\t${uid} \n`],
    ['stat', `7 (kapacitord) S ${'0 '.repeat(18)}1000 0`],
    ['net/tcp', `header\n   ${row}\n`],
    ['net/unix', 'Num RefCount Protocol Flags Type St Inode Path\n'],
  ] as const) {
    writeFileSync(join(daemon, name), content);
  }
  symlinkSync('socket:[55]', join(daemon, 'fd/3'));
  symlinkSync('/', join(daemon, 'root'));
  return proc;
}
