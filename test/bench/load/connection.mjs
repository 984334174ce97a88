import { execFileSync, spawn } from 'node:child_process';
import { constants, mkdtempSync, open, rmSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeResponse, encodeInit, encodeRequest } from './control.mjs';
import { FrameCounter } from './frame-counter.mjs';

/**
 * What every connection reads into: what was read is counted at once. As large as what a Unix socket holds, for fewer
 * calls, and one for all, so that it stays in the processor's cache: the generator must not be the brake.
 */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * Where an agent is: a socket that one listens on, or a command that speaks on its standard input and output.
 *
 * @typedef {{ path: string, pid: number } | { command: string, args: string[] }} Address
 */

/**
 * Kapacitor's side of one conversation, without the checks of `src/peer`: that decodes each point, which would make the
 * generator and not the agent the limit. Here frames are only counted.
 */
export class Connection {
  /** The process behind it. */
  pid;
  received = new FrameCounter((payload) => this.#control(payload));
  #input;
  #output;
  /** Pending promises: EOF, drain, input, typed responses in order, keepalives by their time. */
  #end = deferred();
  #room = deferred();
  #arrival = deferred();
  #answers = [];
  #keepalives = new Map();
  #keepaliveTime = 0;

  /** Connects, and sends info and init as Kapacitor does. @param {Address} address */
  static async open(address, options) {
    const connection = await Connection.connect(address);
    await connection.request({ info: {} });
    const init = await connection.request(encodeInit(options));
    if (!init.success) throw new Error(`init was refused: ${init.error}`);
    return connection;
  }

  /** Connects, and no more. @param {Address} address */
  static async connect(address) {
    const connection = new Connection();
    await ('path' in address ? connection.#connect(address) : connection.#spawn(address));
    return connection;
  }

  /** Sends a request that has a typed answer, and waits for that. */
  request(message) {
    const answer = deferred();
    this.#answers.push(answer);
    this.#output.write(Buffer.isBuffer(message) ? message : encodeRequest(message));
    return answer.promise;
  }

  /** Sends a keepalive; resolves with the milliseconds until its answer. */
  async keepalive() {
    const sent = performance.now();
    const answer = deferred();
    this.#keepalives.set(++this.#keepaliveTime, answer);
    this.#output.write(encodeRequest({ keepalive: { time: this.#keepaliveTime } }));
    await answer.promise;
    return performance.now() - sent;
  }

  /** Hands bytes to the system; true if there is room for more. Else wait for `drained`. */
  write(bytes) {
    return this.#output.write(bytes);
  }

  /** Bytes given to `write` so far. */
  get written() {
    return this.#output.bytesWritten;
  }

  /** Resolves when the system has taken all bytes. */
  drained() {
    this.#room = deferred();
    return this.#room.promise;
  }

  /** Resolves when something has come. */
  arrived() {
    this.#arrival = deferred();
    return this.#arrival.promise;
  }

  pause() {
    this.#input.pause();
  }

  resume() {
    this.#input.resume();
  }

  /** Half-closes, as Kapacitor does to stop a UDF, and waits until all has come back. */
  finish() {
    this.#output.end();
    return this.#end.promise;
  }

  async #connect({ path, pid }) {
    this.pid = pid;
    const onread = {
      buffer: readBuffer,
      callback: (length, buf) => {
        this.#take(buf, length);
        return true;
      },
    };
    const socket = connect({ path, allowHalfOpen: true, onread });
    this.#listen(socket, socket);
    await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), this.#end.promise]);
  }

  /** Over real pipes, as Kapacitor has them; those that Node would make for a child are sockets. */
  async #spawn({ command, args }) {
    const directory = mkdtempSync(join(tmpdir(), 'kudf-bench-'));
    const [toAgent, fromAgent] = [join(directory, 'in'), join(directory, 'out')];
    execFileSync('mkfifo', [toAgent, fromAgent]);
    // The shell opens the agent's ends, then the agent takes its place.
    const script = 'exec "$0" "$@" <"$KUDF_IN" >"$KUDF_OUT"';
    const env = { ...process.env, KUDF_IN: toAgent, KUDF_OUT: fromAgent };
    this.pid = spawn('sh', ['-c', script, command, ...args], { stdio: 'ignore', env }).pid;
    // To open one end of a pipe waits for the other.
    const output = await promisify(open)(toAgent, constants.O_WRONLY);
    const input = await promisify(open)(fromAgent, constants.O_RDONLY);
    rmSync(directory, { recursive: true });
    const reader = new Socket({ fd: input, readable: true, writable: false });
    reader.on('data', (chunk) => this.#take(chunk, chunk.length));
    this.#listen(reader, new Socket({ fd: output, readable: false, writable: true }));
  }

  #listen(input, output) {
    this.#input = input;
    this.#output = output;
    input.once('end', () => {
      if (!output.writableEnded) this.#fail(new Error('the agent closed the connection'));
      this.#end.resolve();
    });
    output.on('drain', () => this.#room.resolve());
    for (const stream of new Set([input, output])) stream.once('error', (reason) => this.#fail(reason));
  }

  #take(buf, length) {
    this.received.push(buf, length);
    this.#arrival.resolve();
  }

  #fail(reason) {
    this.#input.destroy();
    this.#output.destroy();
    for (const waiting of [
      this.#end,
      this.#room,
      this.#arrival,
      ...this.#answers,
      ...this.#keepalives.values(),
    ]) {
      waiting.reject(reason);
    }
  }

  #control(payload) {
    const response = decodeResponse(payload);
    if (response.kind === 'error') {
      this.#fail(new Error(`the agent reports: ${response.error}`));
    } else if (response.kind === 'keepalive') {
      const time = Number(response.time);
      this.#keepalives.get(time)?.resolve(); // unsolicited heartbeats have other times
      this.#keepalives.delete(time);
    } else {
      this.#answers.shift()?.resolve(response);
    }
  }
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  parts.promise.catch(() => undefined); // its users handle the error
  return parts;
}
