import { Fifo } from '../calls/fifo.js';
import type { WallClock } from './wall-clock.js';

/** Max time that continuous input delays timers of the idle clock. */
export const maxIdleWaitMs = 25;

/** Once a turn has taken this long, it fires no further timer. */
const maxTurnMs = 1;

export interface IdleTurnsOptions {
  readonly clock: WallClock;
  /** Bytes of input so far. */
  readonly bytesIn: () => number;
  /** Whether timers may fire now. If not, `request` is to be called once they may. */
  readonly isReady: () => boolean;
  /** Fires one timer of the idle clock, and more until `isOver`. */
  readonly fire: (isOver: () => boolean) => void;
}

/**
 * Fires a connection's timers of the idle clock after an iteration of the event loop without input. The connections of a
 * process take turns, so that all of them together delay input no more than one does.
 */
export class IdleTurns {
  readonly #options: IdleTurnsOptions;
  #isRequested = false;
  /** Bytes of input at the last turn. */
  #bytesIn = NaN;
  /** When timers fire even though input comes. */
  #fireAt = 0;

  constructor(options: IdleTurnsOptions) {
    this.#options = options;
  }

  /** Requests a turn, if a timer is set. To be called after each turn of the connection. */
  request(): void {
    if (!this.#options.clock.wantsIdle || this.#isRequested || !this.#options.isReady()) return;
    this.#isRequested = true;
    takeTurn(this.#turn);
  }

  readonly #turn = (): void => {
    const { clock, bytesIn, isReady, fire } = this.#options;
    this.#isRequested = false;
    if (!clock.wantsIdle || !isReady()) return;
    const now = performance.now();
    if (bytesIn() !== this.#bytesIn && now < this.#fireAt) {
      this.#bytesIn = bytesIn();
      this.request();
      return;
    }
    this.#bytesIn = bytesIn();
    fire(() => performance.now() - now >= maxTurnMs);
    this.#fireAt = performance.now() + maxIdleWaitMs;
  };
}

type Turn = () => void;

/** Turns of all connections: one for each iteration of the event loop. */
const turns = new Fifo<Turn>();
let isScheduled = false;

function takeTurn(turn: Turn): void {
  turns.push(turn);
  schedule();
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    turns.shift()?.();
    if (turns.length > 0) schedule();
  });
}
