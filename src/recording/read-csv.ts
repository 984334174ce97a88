import { pipeline, Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import type { LazyPoint } from '../wire/lazy-point.js';
import type { BadEntries } from './bad-entries.js';
import { type Cell, type Column, parseHeader, parseRecord } from './csv-columns.js';
import type { PointMaker } from './point-maker.js';
import type { Chunks } from './read-lines.js';

const pointsAtOnce = 1_000;

interface CsvRecord {
  readonly record: readonly Cell[];
  /** `lines`: the number of the line that the record ends in. */
  readonly info: { readonly lines: number };
}

/** The points of CSV. A blank line ends a table; the line behind it is the next one's header. */
export async function* readCsv(
  chunks: Chunks,
  maker: PointMaker,
  bad: BadEntries,
  skipBad: boolean,
): AsyncGenerator<readonly LazyPoint[]> {
  const parser = parse({
    info: true,
    bom: true,
    record_delimiter: ['\n', '\r\n'],
    relax_column_count: true, // checked here, so that the message names the line
    cast: (cell, { quoting }) => (cell === '' && !quoting ? null : cell),
    skip_records_with_error: skipBad,
    on_skip: (reason) => {
      bad.at(reason instanceof Error ? lineOf(reason) : 0, reason);
    },
  });
  // Its errors come out of the parser, which it destroys.
  pipeline(Readable.from(chunks, { objectMode: false }), parser, () => undefined);
  let columns: readonly Column[] | undefined;
  let points: LazyPoint[] = [];
  try {
    for await (const entry of parser) {
      const { record, info } = entry as CsvRecord; // as `info` and `cast` above make them
      if (record.length === 1 && record[0] === null) {
        columns = undefined;
      } else if (!columns) {
        try {
          columns = parseHeader(record);
        } catch (reason) {
          bad.at(info.lines, reason);
        }
      } else {
        try {
          const {
            name,
            tags,
            fields,
            time = maker.now,
            database,
            retentionPolicy,
          } = parseRecord(columns, record);
          points.push(maker.point(name, tags, fields, time, { database, retentionPolicy }));
        } catch (reason) {
          bad.at(info.lines, reason);
        }
      }
      if (points.length < pointsAtOnce) continue;
      yield points;
      points = [];
    }
  } catch (reason) {
    if (!isCsvError(reason)) throw reason;
    bad.at(lineOf(reason), reason);
  }
  yield points;
}

function isCsvError(reason: unknown): reason is CsvError {
  return reason instanceof Error && 'code' in reason && String(reason.code).startsWith('CSV_');
}

function lineOf(reason: Error): number {
  return 'lines' in reason ? Number(reason.lines) : 0;
}
