import { wholeFile } from '../files/whole-file.js';
import { checkReadOnly } from '../influx/query-read-only.js';
import { queryInflux } from '../influx/query.js';
import { type InfluxTarget, isBucket } from '../influx/target.js';
import { UdfError } from '../model/errors.js';
import { formatOfName } from '../recording/format.js';
import { createRecordingWriter } from '../recording/writer.js';
import { LazyPoint } from '../wire/point/lazy-point.js';

export interface QueryRecordingOptions {
  readonly target: InfluxTarget;
  /** InfluxQL (InfluxDB 1.x) or Flux (2.x). */
  readonly query: string;
  /** The file, whose name tells the format. */
  readonly out: string;
}

/** Kapacitor's name for the retention policy of points without one. */
const defaultRetentionPolicy = 'autogen';

/**
 * Writes the points that a query finds to a recording, and resolves to their number. The file appears only when it is
 * complete.
 *
 * Rejects with `usage` for a format that holds batches, `invalid_argument` for a query that writes, `invalid_config` if the
 * file cannot be written, and as `queryInflux` does.
 */
export async function recordQuery({ target, query, out }: QueryRecordingOptions): Promise<number> {
  const format = formatOfName(out);
  if (format === 'brpl') {
    throw new UdfError(
      'usage',
      `--out ${out}: a query's points are a stream; name the file .srpl, .lp, .jsonl or .csv`,
    );
  }
  checkReadOnly(target, query);
  const head = headOf(target);
  const file = wholeFile(out);
  try {
    const compress = /\.gz$/i.test(out) || format === 'srpl';
    const writer = createRecordingWriter(format, file.stream, { compress });
    for await (const { fields, ...point } of queryInflux(target, query)) {
      if (!writer.write(LazyPoint.create({ ...head, ...point }, fields))) await writer.drained();
    }
    await writer.end();
    await file.keep();
    return writer.count;
  } catch (reason) {
    await file.discard();
    throw reason;
  }
}

/** What Kapacitor adds to each point: it is ungrouped, and has a database and a retention policy. */
function headOf({ store }: InfluxTarget) {
  const [database, retentionPolicy] = isBucket(store)
    ? [store.bucket, defaultRetentionPolicy]
    : [store.database, store.retentionPolicy || defaultRetentionPolicy];
  return { group: '', dimensions: [], byName: false, database, retentionPolicy };
}
