import { UdfError } from '../model/errors.js';

/**
 * The counters of one connection.
 *
 * V8 stores small integers differently from larger numbers. When a field outgrows them (at 2^31, two gigabytes in), V8
 * discards the optimized code that uses these objects. Initializing the fields with NaN makes them doubles from the start.
 */
export class Counters {
  pointsIn = NaN;
  pointsOut = NaN;
  batchesIn = NaN;
  batchesOut = NaN;
  bytesIn = NaN;
  bytesOut = NaN;
  errors = 0;
  /** The UDF's counters by name; no prototype, so that names such as `constructor` work. */
  readonly custom = Object.create(null) as Record<string, number>;

  constructor() {
    this.pointsIn = this.pointsOut = 0;
    this.batchesIn = this.batchesOut = 0;
    this.bytesIn = this.bytesOut = 0;
  }

  /** Adds to a counter of the UDF. Throws `invalid_argument` unless `by` is a whole number, as telemetry requires. */
  count(counter: string, by: number): void {
    if (!Number.isSafeInteger(by)) {
      throw new UdfError('invalid_argument', `count("${counter}") takes a whole number, got ${String(by)}`);
    }
    this.custom[counter] = (this.custom[counter] ?? 0) + by;
  }
}
