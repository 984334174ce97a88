import type { LazyPoint } from '../../wire/point/lazy-point.js';
import { type BadEntries, portion } from '../entries.js';
import type { PointMaker } from '../point-maker.js';
import { FeedReader } from './feed-reader.js';
import { FeedLinks } from './links.js';
import { fieldsOf } from './readings.js';
import { MarkupError, XmlReader } from './xml-reader.js';

export interface GreenButtonReading {
  readonly bad: BadEntries;
  /** The measurement of the points. */
  readonly measurement?: string | undefined;
  /** Links of earlier feeds of the same source; those of this one are added. */
  readonly links?: FeedLinks | undefined;
  /** Whether the chunks were converted to UTF-8, so that the document's own encoding does not matter. */
  readonly isTranscoded?: boolean | undefined;
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/** The measurement of points of a feed, unless another is named. */
export const defaultMeasurement = 'interval_reading';

/**
 * The readings of a Green Button feed (ESPI in Atom) as points: a point for each `IntervalReading`, at the start of its interval.
 * Each is yielded once its meter reading and reading type are known, in the order of the feed among those of one block.
 *
 * Throws `malformed` with file, line and column, after the points before it.
 */
export async function* readGreenButton(
  chunks: AsyncIterable<Buffer>,
  maker: PointMaker,
  reading: GreenButtonReading,
): AsyncGenerator<readonly LazyPoint[]> {
  const { bad, measurement = defaultMeasurement, links = new FeedLinks(), isTranscoded = false } = reading;
  let points: LazyPoint[] = [];
  const feed = new FeedReader(links, bad, isTranscoded, (interval, { tags, type }) => {
    points.push(maker.point(measurement, tags, fieldsOf(interval, type), interval.time, {}));
  });
  const xml = new XmlReader(feed);
  feed.xml = xml;
  const document = { isBroken: false };
  const step = (read: () => void) => (items: LazyPoint[]) => {
    points = items;
    try {
      read();
    } catch (reason) {
      if (!(reason instanceof MarkupError)) throw reason;
      document.isBroken = true;
      const problem = new MarkupError(`${reason.message}${feed.waitingText}`, { cause: reason });
      bad.report(xml.line, problem, '', xml.column);
    }
  };
  const parse = (chunk: Buffer) =>
    step(() => {
      xml.add(chunk);
    });
  const finish = step(() => {
    xml.finish();
    feed.finish();
  });
  for await (const chunk of chunks) {
    yield* portion(parse(chunk));
    if (document.isBroken) break;
  }
  if (!document.isBroken) yield* portion(finish);
  for (const warning of feed.warnings) reading.onWarning?.(warning);
}
