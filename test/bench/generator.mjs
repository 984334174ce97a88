import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { tied } from './clean-up.mjs';

const main = fileURLToPath(new URL('load/main.mjs', import.meta.url));

/** The load generator's process. See load/main.mjs for its jobs. */
export class Generator {
  #process = tied(fork(main, { execArgv: ['--max-old-space-size=8192'] }));
  #died = once(this.#process, 'exit').then(([code, signal]) => {
    throw new Error(`the load generator ended: ${signal ?? code}`);
  });

  get pid() {
    return this.#process.pid;
  }

  constructor() {
    this.#died.catch(() => undefined); // the job that runs has the error
  }

  /** Has a job done. Rejects with what went wrong there. */
  async run(job, params) {
    this.#process.send({ job, params });
    const [{ result, error }] = await Promise.race([once(this.#process, 'message'), this.#died]);
    if (error !== undefined) throw new Error(error);
    return result;
  }

  stop() {
    this.#process.kill();
  }
}
