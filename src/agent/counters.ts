import { UdfError } from '../model/errors.js';

/**
 * Counts while a connection lasts. V8 keeps whole numbers below 2^31 in another way than larger ones, and when a field
 * passes that, it throws away all code that it had compiled for such objects: in the midst of work, two gigabytes in. So
 * the fields hold something else first, which makes them doubles for good.
 */
export class Counters {
  pointsIn = NaN;
  pointsOut = NaN;
  batchesIn = NaN;
  batchesOut = NaN;
  bytesIn = NaN;
  bytesOut = NaN;
  errors = 0;
  /** The UDF's; without a prototype, so that any name is one. */
  readonly own = Object.create(null) as Record<string, number>;

  constructor() {
    this.pointsIn = this.pointsOut = 0;
    this.batchesIn = this.batchesOut = 0;
    this.bytesIn = this.bytesOut = 0;
  }

  /** Throws `invalid_argument` for what is not a whole number, which no telemetry could write. */
  count(counter: string, by: number): void {
    if (!Number.isSafeInteger(by)) {
      throw new UdfError('invalid_argument', `count("${counter}") takes a whole number, got ${String(by)}`);
    }
    this.own[counter] = (this.own[counter] ?? 0) + by;
  }
}
