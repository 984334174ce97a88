import { UdfError } from '../model/errors.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { PointTemplate } from '../wire/point/template.js';
import type { BadEntries } from './entries.js';
import { carriageReturn, hash, newline, space, tab } from './bytes.js';
import { LineParser } from './line-parser.js';
import { LineSplitter, maxLineBytes } from './line-splitter.js';
import type { PointMaker, Dbrp } from './point-maker.js';
import { portions } from './entries.js';

/** The chunks of a source. */
export type Chunks = AsyncIterable<Buffer>;

/** The points of line protocol, those of a chunk at a time. */
export async function* readLineProtocol(
  chunks: Chunks,
  maker: PointMaker,
  bad: BadEntries,
): AsyncGenerator<readonly LazyPoint[]> {
  const splitter = new LineSplitter(maxLineBytes);
  const parser = parserOf(maker, {});
  const take = (points: LazyPoint[]): void => {
    while (splitter.next('quoted')) {
      const { buf, start, end, tooLong } = splitter;
      if (isEmpty(buf, start, end)) continue;
      try {
        if (tooLong) throw tooLong;
        points.push(pointOf(parser, buf, start, end, maker));
      } catch (reason) {
        bad.at(splitter.line, reason);
      }
    }
  };
  yield* portions(chunks, splitter, take);
}

/** Kapacitor's stream recording: for each point a line with its database, one with its retention policy, and its own. */
export async function* readStreamRecording(
  chunks: Chunks,
  maker: PointMaker,
  bad: BadEntries,
): AsyncGenerator<readonly LazyPoint[]> {
  const splitter = new LineSplitter(maxLineBytes);
  const parsers = new Map<string, LineParser<PointTemplate>>();
  let database: string | undefined;
  let retentionPolicy: string | undefined;
  const take = (points: LazyPoint[]): void => {
    while (splitter.next(retentionPolicy === undefined ? 'plain' : 'quoted')) {
      const { buf, start, end, tooLong } = splitter;
      if (tooLong) {
        bad.at(splitter.line, tooLong);
        database = retentionPolicy = undefined;
      } else if (database === undefined) database = nameIn(buf, start, end);
      else if (retentionPolicy === undefined) retentionPolicy = nameIn(buf, start, end);
      else {
        try {
          if (isEmpty(buf, start, end)) throw new UdfError('malformed', 'a point should be here');
          const where = { database, retentionPolicy };
          points.push(pointOf(parserFor(parsers, maker, where), buf, start, end, maker));
        } catch (reason) {
          bad.at(splitter.line, reason);
        }
        database = retentionPolicy = undefined;
      }
    }
  };
  yield* portions(chunks, splitter, take);
  if (database !== undefined) {
    bad.at(
      splitter.line,
      new UdfError('malformed', 'it ends where a retention policy or a point should follow'),
    );
  }
}

function pointOf(
  parser: LineParser<PointTemplate>,
  buf: Buffer,
  start: number,
  end: number,
  maker: PointMaker,
): LazyPoint {
  parser.parse(buf, start, end);
  const { series, fields, time } = parser;
  return series.point(time ?? maker.now(), fields.keys, fields.values, fields.count);
}

function parserOf(maker: PointMaker, where: Dbrp): LineParser<PointTemplate> {
  return new LineParser((name, tags) => maker.template(name, tags, where));
}

/** More databases than this are none, but a file that is something else. */
const maxParsers = 64;

function parserFor(
  parsers: Map<string, LineParser<PointTemplate>>,
  maker: PointMaker,
  where: { readonly database: string; readonly retentionPolicy: string },
): LineParser<PointTemplate> {
  const key = `${where.database}\n${where.retentionPolicy}`;
  let parser = parsers.get(key);
  if (!parser) {
    if (parsers.size >= maxParsers) parsers.clear();
    parser = parserOf(maker, where);
    parsers.set(key, parser);
  }
  return parser;
}

/** Kapacitor takes a carriage return at the end of a line for a part of the line's end. */
function nameIn(buf: Buffer, start: number, end: number): string {
  return buf.toString('utf8', start, end > start && buf[end - 1] === carriageReturn ? end - 1 : end);
}

/** Whether a line is blank or a comment. As in InfluxDB, a carriage return is blank at the line's end only. */
export function isEmpty(buf: Buffer, start: number, lineEnd: number): boolean {
  const end = buf[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd;
  let at = start;
  while (at < end && isBlank(buf[at]!)) at++;
  return at >= end || buf[at] === hash;
}

function isBlank(code: number): boolean {
  return code === space || code === tab || code === newline;
}
