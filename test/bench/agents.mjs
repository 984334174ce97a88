import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tied } from './clean-up.mjs';

const probe = fileURLToPath(new URL('probe.mjs', import.meta.url));

/**
 * Something that can be measured: how to start it on a socket and on standard input and output.
 *
 * @typedef {object} Agent
 * @property {string} label
 * @property {(udf: string | undefined, directory: string) => { command: string, args: string[] }} serve All UDFs if
 *   none is named.
 * @property {(udf: string, directory: string) => string} socket
 * @property {(udf: string) => { command: string, args: string[] }} stdio
 */

/**
 * The UDFs of a checkout, as users run them.
 *
 * @param {string} root The checkout's folder, already built.
 * @param {string[]} options Of `serve` and `stdio`.
 * @returns {Agent}
 */
export function checkoutAgent(label, root, options = []) {
  const cli = join(root, 'dist/src/cli/main.js');
  if (!existsSync(cli)) throw new Error(`${cli} is missing: run npm run build there`);
  const run = (...args) => ({ command: process.execPath, args: [cli, ...args] });
  return {
    label,
    serve: (udf, directory) =>
      run('serve', ...(udf === undefined ? [] : [udf]), '--socket-dir', directory, ...options),
    socket: (udf, directory) => join(directory, `${udf}.sock`),
    stdio: (udf) => run('stdio', udf, ...options),
  };
}

/**
 * An agent that is the same whatever UDF it stands for.
 *
 * @returns {Agent}
 */
export function echoAgent(label, command, args) {
  const socket = (directory) => join(directory, 'echo.sock');
  return {
    label,
    serve: (_, directory) => ({ command, args: [...args, socket(directory)] }),
    socket: (_, directory) => socket(directory),
    stdio: () => ({ command, args }),
  };
}

/** An agent that serves sockets in a directory. */
export class Server {
  #agent;
  #directory;
  #process;
  #log = '';

  /**
   * Starts it and waits until it listens.
   *
   * @param {Agent} agent
   * @param {string | undefined} udf All if none is given.
   * @param {string} directory Empty, and for it alone.
   * @param {{ probed?: boolean }} how With a probe, `memory` can be asked for: a Node agent is then started with
   *   `--expose-gc` and a module that does nothing until it is asked.
   */
  static async start(agent, udf, directory, { probed = false } = {}) {
    const server = new Server();
    const { command, args } = agent.serve(udf, directory);
    const extra = probed && command === process.execPath ? ['--expose-gc', '--import', probe] : [];
    server.#agent = agent;
    server.#directory = directory;
    server.#process = tied(
      spawn(command, [...extra, ...args], {
        stdio: ['ignore', 'ignore', 'pipe', ...(extra.length > 0 ? ['ipc'] : [])],
      }),
    );
    server.#process.stderr.on('data', (text) => (server.#log = (server.#log + text).slice(-4096)));
    await server.#listens(agent.socket(udf ?? 'mirror', directory));
    return server;
  }

  /** Where a UDF is, for the generator. */
  address(udf) {
    return { path: this.#agent.socket(udf, this.#directory), pid: this.#process.pid };
  }

  /** What V8 and its buffers hold after a collection, and the process in all; undefined without a probe. */
  async memory() {
    if (!this.#process.connected) return undefined;
    this.#process.send('memory');
    const [usage] = await once(this.#process, 'message');
    return { held: usage.heapUsed + usage.external, resident: usage.rss };
  }

  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill();
    await once(this.#process, 'exit');
  }

  /** The last lines that it logged. */
  get log() {
    return this.#log.trim().split('\n').slice(-2).join('\n');
  }

  async #listens(path) {
    for (const giveUp = performance.now() + 20_000; ; await sleep(5)) {
      if (await answers(path)) return;
      if (this.#process.exitCode !== null || performance.now() > giveUp) {
        await this.stop();
        throw new Error(`${this.#agent.label} does not listen on ${path}: ${this.log}`);
      }
    }
  }
}

function answers(path) {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
