import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { messageOf, UdfError } from '../../errors.js';
import { queryInflux, type QueriedPoint } from '../../telemetry/influx/influx-query.js';
import { influxTarget } from '../../telemetry/influx/influx-target.js';
import { formatLine } from '../../testkit/format-line.js';
import { UsageError } from '../usage-error.js';

export interface FromInfluxOptions {
  readonly fromInflux: string;
  readonly url: string;
  readonly out: string;
}

/** Writes the points that a query finds to a recording. The file is there only once it is whole. */
export async function runFromInflux({ fromInflux, url, out }: FromInfluxOptions): Promise<void> {
  const zip = out.endsWith(".lp.gz");
  if (!zip && !out.endsWith('.lp')) {
    throw new UsageError(
      `--out ${out}: a query is recorded as line protocol; name the file NAME.lp or NAME.lp.gz`,
    );
  }
  const target = influxTarget(url, process.env);
  let points = 0;
  async function* lines(found: AsyncIterable<QueriedPoint>): AsyncGenerator<string> {
    // In pieces of some size: a stream's turn for each line would be slow.
    let text = '';
    for await (const point of found) {
      points++;
      text += `${formatLine(point)}\n`;
      if (text.length < pieceLength) continue;
      yield text;
      text = '';
    }
    yield text;
  }
  const part = `${out}.part`;
  try {
    const source = Readable.from(lines(queryInflux(target, fromInflux)), { objectMode: false });
    const file = createWriteStream(part);
    await (zip ? pipeline(source, createGzip(), file) : pipeline(source, file));
    await rename(part, out);
  } catch (reason) {
    await rm(part, { force: true });
    if (reason instanceof UdfError) throw reason;
    throw new UdfError('invalid_config', `cannot record to ${out}: ${messageOf(reason)}`, { cause: reason });
  }
  process.stderr.write(`${points} ${points === 1 ? 'point' : 'points'} recorded in ${out}\n`);
}

const pieceLength = 64 * 1024;
