import type { RecordReader } from './client/record-batch.js';

/** With more unread bytes than this, no more are fetched for a partition. */
const maxQueuedBytes = 1024 * 1024;

/** The result of a fetch. */
export interface FetchedRecords {
  readonly reader: RecordReader;
  readonly bytes: number;
  /** The offset to continue at. */
  readonly end: number;
}

/** The records of a partition that were fetched and not read yet. */
export class InputBuffer {
  /** The offset to fetch from; `undefined` while nothing is wanted. */
  #fetchFrom: number | undefined;
  /** The offset behind the last record that was read. */
  #position = -1;
  #isFetching = false;
  /** Discards what was being fetched when it was set to another offset. */
  #epoch = 0;
  #queued: FetchedRecords[] = [];
  #bytes = 0;
  #hasRecord = false;
  #failure: Error | undefined;
  readonly #waiting: (() => void)[] = [];
  readonly #onRoom: () => void;
  /** The offset behind the newest record of the partition, as of the last fetch; -1 before it. */
  highWatermark = -1;

  /** `onRoom` is called when there is something to fetch. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  /** Reads from an offset on. */
  seek(offset: number): void {
    this.#epoch++;
    this.#queued = [];
    this.#bytes = 0;
    this.#hasRecord = false;
    this.#isFetching = false;
    this.#position = offset;
    this.#fetchFrom = offset;
    this.#onRoom();
  }

  /** The offset behind all that was read: control records and aborted records count as read. */
  get position(): number {
    return this.#position;
  }

  /** The offset of the next fetch; `undefined` if none is wanted now. */
  get wanted(): number | undefined {
    return this.#isFetching || this.#bytes >= maxQueuedBytes ? undefined : this.#fetchFrom;
  }

  /** Marks the beginning of a fetch. Returns a function to call at its end, with its result if it has one. */
  fetching(): (fetched?: FetchedRecords) => void {
    const epoch = this.#epoch;
    this.#isFetching = true;
    return (fetched) => {
      if (epoch !== this.#epoch) return;
      this.#isFetching = false;
      if (!fetched) return;
      this.#queued.push(fetched);
      this.#bytes += fetched.bytes;
      this.#fetchFrom = fetched.end;
      this.wake();
    };
  }

  /** Once all queued records are read, `peek` and `changed` fail with `reason`. */
  fail(reason: Error): void {
    this.#failure = reason;
    this.wake();
  }

  /** No more is fetched. */
  stop(): void {
    this.#epoch++;
    this.#fetchFrom = undefined;
    this.wake();
  }

  /**
   * The reader at the next record, which `take` then removes; `undefined` if none is queued. Throws `malformed`, and the
   * reason of `fail` once all records are read.
   */
  peek(): RecordReader | undefined {
    for (;;) {
      const [first] = this.#queued;
      if (!first) {
        if (this.#failure) throw this.#failure;
        return undefined;
      }
      if (this.#hasRecord) return first.reader;
      if (first.reader.next()) {
        this.#hasRecord = true;
        return first.reader;
      }
      this.#queued.shift();
      this.#bytes -= first.bytes;
      this.#position = Math.max(this.#position, first.end);
      this.#onRoom();
    }
  }

  /** Removes the record of `peek`. */
  take(): void {
    this.#hasRecord = false;
    this.#position = this.#queued[0]!.reader.offset + 1; // `peek` has returned it
  }

  /** Resolves when records have come, after `ms`, or when `wake` is called. Rejects as `peek` throws. */
  async changed(ms: number): Promise<void> {
    if (this.peek() || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Ends `changed`. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
