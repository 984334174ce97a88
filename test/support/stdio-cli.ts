import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Conversation } from './connect.js';
import { Cli } from './spawn-cli.js';
import { tempDir } from './temp-dir.js';

/** A UDF as a child process. */
export interface StdioCli {
  readonly cli: Cli;
  readonly kapacitor: Conversation;
}

/** The kinds of a child's standard streams. */
export const stdioKinds = {
  /** As Kapacitor connects them. */
  pipes: (args: readonly string[]): StdioCli => {
    const [input, output, errors] = ['in', 'out', 'err'].map(fifo) as [string, string, string];
    const writing = openSync(input, constants.O_RDWR);
    const reading = [output, errors].map((path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    const given = [openSync(input, 'r'), openSync(output, 'w'), openSync(errors, 'w')];
    const cli = new Cli(['stdio', ...args], { stdio: given });
    for (const descriptor of given) closeSync(descriptor);
    const [frames, log] = reading.map((fd) => new Socket({ fd, readable: true, writable: false }));
    log!.setEncoding('utf8').on('data', (text: string) => {
      cli.stderr += text;
    });
    const kapacitor = new Conversation(new Socket({ fd: writing, readable: false, writable: true }), frames!);
    return { cli, kapacitor };
  },

  /** As a parent on Node.js connects them. */
  sockets: (args: readonly string[]): StdioCli => {
    const cli = new Cli(['stdio', ...args]);
    return { cli, kapacitor: new Conversation(cli.process.stdin!, cli.process.stdout!) };
  },
} as const;

export const stdioKindNames = Object.keys(stdioKinds) as (keyof typeof stdioKinds)[];

function fifo(name: string): string {
  const path = join(tempDir(), name);
  execFileSync('mkfifo', [path]);
  return path;
}
