import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { decodeResponse, encodeInit, encodeRequest } from './load/control.mjs';
import { feed } from './load/feed.mjs';
import { FrameCounter } from './load/frame-counter.mjs';

const nothing = () => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent };

/**
 * A UDF behind the real agent in this process, with a transport in memory: without sockets and without another process
 * that competes for the processor, what is measured is the runtime and the UDF.
 */
export class InProcess {
  #passes = 0;
  #room = nothing;
  #answer = nothing;
  #received = new FrameCounter((payload) => this.#answer(decodeResponse(payload)));
  #output;

  /**
   * @param {string} root The checkout, already built.
   * @param {string} udf
   * @param {Record<string, string | number>} options
   */
  static async open(root, udf, options) {
    const load = (path) => import(pathToFileURL(join(root, 'dist', path)).href);
    const { createAgent } = await load('src/agent/agent.js');
    const { memoryTransportPair } = await load('src/transport/memory-transport.js');
    const name = udf.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const { default: definition } = await load(`udfs/${name}/${name}.js`);

    const [near, far] = memoryTransportPair();
    createAgent({ definition, transport: far, logger: silent });
    const opened = new InProcess();
    opened.#output = near.output;
    near.input.on('data', (chunk) => opened.#received.push(chunk, chunk.length));
    near.output.on('drain', () => opened.#room());
    await opened.#request(encodeRequest({ info: {} }));
    const init = await opened.#request(encodeInit(options));
    if (!init.success) throw new Error(`init was refused: ${init.error}`);
    return opened;
  }

  /**
   * Sends a block for so many seconds, at least once and whole each time; the nanoseconds that a point took.
   *
   * @param {import('./corpus/block.mjs').Block} block
   */
  async nanosecondsPerPoint(block, seconds) {
    const start = performance.now();
    const deadline = start + seconds * 1000;
    const enough = () => performance.now() >= deadline;
    const { passes, points } = await feed(this, block, { from: this.#passes, whole: true, enough });
    await this.#request(encodeRequest({ keepalive: { time: 1 } }));
    this.#passes += passes;
    return ((performance.now() - start) / points) * 1e6;
  }

  write(bytes) {
    return this.#output.write(bytes);
  }

  drained() {
    return new Promise((resolve) => (this.#room = resolve));
  }

  #request(bytes) {
    const answer = new Promise((resolve, reject) => {
      this.#answer = (response) =>
        response.kind === 'error' ? reject(new Error(response.error)) : resolve(response);
    });
    this.#output.write(bytes);
    return answer;
  }
}
