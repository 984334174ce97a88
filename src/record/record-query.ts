import { createAtomicFile } from '../files/atomic-file.js';
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
  /** The output file; its extension determines the format. */
  readonly out: string;
}

/** InfluxDB's name for the default retention policy. */
const defaultRetentionPolicy = 'autogen';

/**
 * Writes the points of a query to a recording, and resolves to their number. The file appears only when it is complete.
 *
 * Rejects with `usage` for `.brpl`, which holds batches, `invalid_argument` for a query that may write, `invalid_config` if
 * the file cannot be written, and as `queryInflux` does.
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
  const head = streamHead(target);
  const file = createAtomicFile(out);
  try {
    const compress = /\.gz$/i.test(out) || format === 'srpl';
    const writer = createRecordingWriter(format, file.stream, { compress });
    for await (const { fields, ...point } of queryInflux(target, query)) {
      if (!writer.write(LazyPoint.create({ ...head, ...point }, fields))) await writer.drained();
    }
    await writer.end();
    await file.commit();
    return writer.count;
  } catch (reason) {
    await file.discard();
    throw reason;
  }
}

/** Properties that Kapacitor adds to the points of an ungrouped stream. */
function streamHead({ store }: InfluxTarget) {
  const [database, retentionPolicy] = isBucket(store)
    ? [store.bucket, defaultRetentionPolicy]
    : [store.database, store.retentionPolicy || defaultRetentionPolicy];
  return { group: '', dimensions: [], byName: false, database, retentionPolicy };
}
