import type { Feed } from './feed.js';
import { checkIntervalMs, HangDetector } from './hang-detector.js';
import { hungEnd } from '../worker/worker-end.js';
import type { WorkQueue } from './work-queue.js';
import type { WorkerSuccession } from './worker-succession.js';

/** Min time that a worker has to load its modules. */
const minStartMs = 10_000;

/** Ends the current worker of a connection when it has done nothing for `handlerMs` although it has work. */
export class HangWatch {
  readonly #workers: WorkerSuccession;
  readonly #queue: WorkQueue;
  readonly #feed: Feed;
  readonly #handlerMs: number;
  readonly #detector: HangDetector;
  readonly #timer: NodeJS.Timeout;

  constructor(workers: WorkerSuccession, queue: WorkQueue, feed: Feed, handlerMs: number) {
    this.#workers = workers;
    this.#queue = queue;
    this.#feed = feed;
    this.#handlerMs = handlerMs;
    const intervalMs = checkIntervalMs(handlerMs);
    this.#detector = new HangDetector(intervalMs);
    this.#timer = setInterval(() => {
      this.#check();
    }, intervalMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const worker = this.#workers.current;
    if (worker === undefined) return;
    worker.wantStats();
    const { stage } = this.#queue;
    const handlerMs = this.#handlerMs;
    const isHandling = stage === 'input' || stage === 'stop';
    const isHung = this.#detector.check({
      isWorking: !this.#workers.isOutputPaused && (stage !== 'input' || this.#feed.unhandledBytes > 0),
      // A handler counts as a whole; a request consists of many steps.
      activity: worker.handledBytes + worker.activity(!isHandling),
      maxMs: stage === 'start' && handlerMs > 0 ? Math.max(handlerMs, minStartMs) : handlerMs,
    });
    if (isHung) {
      worker.terminate(hungEnd(handlerMs));
    }
  }
}
