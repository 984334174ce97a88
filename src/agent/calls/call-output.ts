import { UdfError } from '../../model/errors.js';
import type { LazyBatch } from '../../wire/lazy-batch.js';
import type { LazyPoint } from '../../wire/point/lazy-point.js';
import { retainedBytes } from '../limits.js';
import type { Output } from '../output.js';
import type { GuardedOutput } from '../output-guard.js';
import { Gate } from './gate.js';

/** With more bytes than this held back, a call that emits an array or awaits `drained` waits. */
const maxUnblockedBytes = 256 * 1024;

/** What all calls of a connection hold back. */
export class HeldTotal {
  bytes = 0;
  /** Calls that wait until nothing of theirs is held back. */
  waiting = 0;
  readonly #maxBytes: number;
  /** Called when a call begins to wait. */
  readonly onWait: () => void;

  constructor(maxBytes: number, onWait: () => void) {
    this.#maxBytes = maxBytes;
    this.onWait = onWait;
  }

  /** Whether the limit is reached: then only the oldest call may start. */
  get isFull(): boolean {
    return this.bytes >= this.#maxBytes;
  }
}

/** What a call emits before the calls ahead of it have ended, where output is ordered across groups. */
export class HeldOutput {
  readonly #total: HeldTotal;
  readonly #progress: { begunBytes: number } | undefined;
  /** `begunBytes` when the call came. */
  readonly #begunBytes: number;
  #sends: (() => void)[] | undefined = [];
  #bytes = 0;
  readonly #released = new Gate();

  /** `progress` has the bytes of input that have begun, by which a host attributes reports to input. */
  constructor(total: HeldTotal, progress: { begunBytes: number } | undefined) {
    this.#total = total;
    this.#progress = progress;
    this.#begunBytes = progress?.begunBytes ?? 0;
  }

  get isBlocked(): boolean {
    return this.#sends !== undefined && (this.#bytes > maxUnblockedBytes || this.#total.isFull);
  }

  /** Resolves when nothing is held back any more. */
  async wait(): Promise<void> {
    this.#total.waiting++;
    this.#total.onWait();
    await this.#released.wait();
    this.#total.waiting--;
  }

  /** Holds back what `send` sends, of this many bytes; sends it at once after `release`. */
  hold(bytes: number, send: () => void): void {
    if (!this.#sends) {
      send();
      return;
    }
    this.#sends.push(send);
    this.#bytes += bytes;
    this.#total.bytes += bytes;
  }

  /** As `hold`, for a report that a host attributes to the call's own input. */
  holdReport(bytes: number, send: () => void): void {
    const progress = this.#progress;
    if (!progress) {
      this.hold(bytes, send);
      return;
    }
    this.hold(bytes, () => {
      const present = progress.begunBytes;
      progress.begunBytes = this.#begunBytes;
      send();
      progress.begunBytes = present;
    });
  }

  /** Holds nothing back any more, and sends nothing: the connection has ended. */
  discard(): void {
    this.#sends = undefined;
    this.#released.open();
  }

  /** Sends what was held back: all calls ahead have ended. Throws what sending throws. */
  release(): void {
    const sends = this.#sends ?? [];
    this.#sends = undefined;
    this.#total.bytes -= this.#bytes;
    this.#bytes = 0;
    this.#released.open();
    for (const send of sends) send();
  }
}

/** The connection's output, as one call at a time has it. */
export class CallOutput implements GuardedOutput {
  readonly #output: Output;
  readonly #total: HeldTotal;
  #held: HeldOutput | undefined;
  #isCutOff = false;

  constructor(output: Output, total: HeldTotal) {
    this.#output = output;
    this.#total = total;
  }

  /** Another call begins; `held` holds its output back, if that is to be ordered. */
  begin(held: HeldOutput | undefined): void {
    this.#held = held;
  }

  /** What the call emits from now on is lost. */
  cutOff(): void {
    this.#isCutOff = true;
  }

  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  get ended(): boolean {
    return this.#isCutOff || this.#output.ended;
  }

  get blocked(): boolean {
    return this.#output.blocked || this.#held?.isBlocked === true;
  }

  point(point: LazyPoint): void {
    this.#send(retainedBytes(point), () => {
      this.#output.point(point);
    });
  }

  batch(batch: LazyBatch): void {
    this.#send(bytesOf(batch), () => {
      this.#output.batch(batch);
    });
  }

  inputBatch(batch: LazyBatch): void {
    this.#send(bytesOf(batch), () => {
      this.#output.inputBatch(batch);
    });
  }

  /** Not called: batches whose points are handled one by one have no calls that overlap. */
  collectedBatch(...args: Parameters<Output['collectedBatch']>): void {
    this.#output.collectedBatch(...args);
  }

  flush(): void {
    this.#output.flush();
  }

  requireRoom(bytes: number, advice?: string): void {
    this.#output.requireRoom(this.#total.bytes + bytes, advice);
  }

  async unblocked(signal: AbortSignal): Promise<void> {
    if (this.#held?.isBlocked === true) await this.#held.wait();
    if (this.#isCutOff)
      throw new UdfError('handler_timeout', 'the call has taken too long: its output is lost');
    await this.#output.unblocked(signal);
  }

  #send(bytes: number, send: () => void): void {
    if (!this.#held) {
      send();
      return;
    }
    this.requireRoom(bytes);
    this.#held.hold(bytes, send);
  }
}

function bytesOf({ points }: LazyBatch): number {
  return points.reduce((bytes, point) => bytes + retainedBytes(point), 0);
}
