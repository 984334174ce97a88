import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { Conversation } from './connect.js';
import { Cli } from './spawn-cli.js';
import { tempDir } from './temp-dir.js';

/** A UDF as a child process. */
export interface StdioCli {
  readonly cli: Cli;
  readonly kapacitor: Conversation;
}

/** A child process whose standard output is never read. */
export interface UnreadCli {
  readonly cli: Cli;
  readonly input: Writable;
}

/** Over pipes, as Kapacitor starts it; `frames` is the reading end of its standard output. */
function spawnOverPipes(args: readonly string[]): UnreadCli & { readonly frames: number } {
  const [input, output, errors] = ['in', 'out', 'err'].map(fifo) as [string, string, string];
  const writing = openSync(input, constants.O_RDWR);
  const [frames, log] = [output, errors].map((path) =>
    openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
  ) as [number, number];
  const given = [openSync(input, 'r'), openSync(output, 'w'), openSync(errors, 'w')];
  const cli = new Cli(['stdio', ...args], { stdio: given });
  for (const descriptor of given) closeSync(descriptor);
  new Socket({ fd: log, readable: true, writable: false }).setEncoding('utf8').on('data', (text: string) => {
    cli.stderr += text;
  });
  return { cli, input: new Socket({ fd: writing, readable: false, writable: true }), frames };
}

/** The kinds of a child's standard streams. */
export const stdioKinds = {
  /** As Kapacitor connects them. */
  pipes: (args: readonly string[]): StdioCli => {
    const { cli, input, frames } = spawnOverPipes(args);
    const output = new Socket({ fd: frames, readable: true, writable: false });
    return { cli, kapacitor: new Conversation(input, output) };
  },

  /** As a parent on Node.js connects them. */
  sockets: (args: readonly string[]): StdioCli => {
    const cli = new Cli(['stdio', ...args]);
    return { cli, kapacitor: new Conversation(cli.process.stdin!, cli.process.stdout!) };
  },
} as const;

/** The same kinds with standard output left unread. */
export const spawnUnread = {
  pipes: (args: readonly string[]): UnreadCli => {
    const { cli, input, frames } = spawnOverPipes(args);
    onTestFinished(() => {
      closeSync(frames);
    });
    return { cli, input };
  },
  sockets: (args: readonly string[]): UnreadCli => {
    const cli = new Cli(['stdio', ...args]);
    return { cli, input: cli.process.stdin! };
  },
} as const;

export const stdioKindNames = Object.keys(stdioKinds) as (keyof typeof stdioKinds)[];

function fifo(name: string): string {
  const path = join(tempDir(), name);
  execFileSync('mkfifo', [path]);
  return path;
}
