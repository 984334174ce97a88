import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { BadEntries } from './bad-entries.js';
import { type Column, parseHeader, parseRecord } from './csv-columns.js';
import { CsvRecords } from './csv-records.js';
import type { PointMaker } from './point-maker.js';
import { portions } from './portion.js';
import type { Chunks } from './read-lines.js';

/** The points of CSV. A blank line ends a table; the line behind it is the next one's header. */
export async function* readCsv(
  chunks: Chunks,
  maker: PointMaker,
  bad: BadEntries,
): AsyncGenerator<readonly LazyPoint[]> {
  const records = new CsvRecords();
  let columns: readonly Column[] | undefined;
  const take = (points: LazyPoint[]): void => {
    while (records.next()) {
      const { cells, parseError } = records;
      try {
        if (parseError) throw parseError;
        if (cells.length === 1 && cells[0] === null) columns = undefined;
        else if (!columns) columns = parseHeader(cells);
        else {
          const {
            name,
            tags,
            fields,
            time = maker.now(),
            database,
            retentionPolicy,
          } = parseRecord(columns, cells);
          points.push(maker.point(name, tags, fields, time, { database, retentionPolicy }));
        }
      } catch (reason) {
        bad.at(records.line, reason);
      }
    }
  };
  yield* portions(chunks, records, take);
}
