import { UdfError } from '../model/errors.js';
import { formatOfName } from '../recording/format.js';
import { createRecordingWriter } from '../recording/writer.js';
import { queryInflux } from '../influx/query.js';
import { checkReadOnly } from '../influx/query-read-only.js';
import { influxTarget, isBucket } from '../influx/target.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { counted } from '../model/text.js';
import { wholeFile } from '../files/whole-file.js';

export interface FromInfluxOptions {
  readonly fromInflux: string;
  readonly url: string;
  readonly out: string;
}

/** Writes the points that a query finds to a recording. The file is there only once it is whole. */
export async function runFromInflux({ fromInflux, url, out }: FromInfluxOptions): Promise<void> {
  const format = formatOfName(out);
  if (format === 'brpl') {
    throw new UdfError(
      'usage',
      `--out ${out}: a query's points are a stream; name the file .srpl, .lp, .jsonl or .csv`,
    );
  }
  const target = influxTarget(url, process.env);
  checkReadOnly(target, fromInflux);
  const { store } = target;
  // As Kapacitor sees them: ungrouped, with their database and retention policy.
  const head = { group: '', dimensions: [], byName: false };
  const stored = isBucket(store)
    ? { database: store.bucket, retentionPolicy: defaultRetentionPolicy }
    : { database: store.database, retentionPolicy: store.retentionPolicy || defaultRetentionPolicy };
  const file = wholeFile(out);
  try {
    const compress = /\.gz$/i.test(out) || format === 'srpl';
    const writer = createRecordingWriter(format, file.stream, { compress });
    for await (const { fields, ...point } of queryInflux(target, fromInflux)) {
      if (!writer.write(LazyPoint.create({ ...head, ...stored, ...point }, fields))) await writer.drained();
    }
    await writer.end();
    await file.keep();
    process.stderr.write(`${counted(writer.count, 'point')} recorded in ${out}\n`);
  } catch (reason) {
    await file.discard();
    throw reason;
  }
}

const defaultRetentionPolicy = 'autogen';
