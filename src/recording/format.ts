import { basename } from 'node:path';
import { UdfError } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';

/**
 * The formats of recordings: line protocol, Kapacitor's stream and batch recordings, JSON Lines, CSV with a header, or Green
 * Button feeds, which are only read.
 */
export type RecordingFormat = 'lp' | 'srpl' | 'brpl' | 'jsonl' | 'csv' | 'greenbutton';

export const recordingFormats: readonly RecordingFormat[] = [
  'lp',
  'srpl',
  'brpl',
  'jsonl',
  'csv',
  'greenbutton',
];

/** A point of a stream, or a whole batch. */
export type RecordedItem = LazyPoint | LazyBatch;

const endings: readonly (readonly [ending: RegExp, format: RecordingFormat])[] = [
  [/\.(lp|line|lines|influx|txt)$/i, 'lp'],
  [/\.srpl$/i, 'srpl'],
  [/\.brpl$/i, 'brpl'],
  [/\.(jsonl|ndjson)$/i, 'jsonl'],
  [/\.csv$/i, 'csv'],
  [/\.xml$/i, 'greenbutton'],
];

/** The format of a file by its name, with or without `.gz`. Throws `invalid_config` for an unknown extension. */
export function formatOfName(name: string): RecordingFormat {
  const plain = name.replace(/\.gz$/i, '');
  const found = endings.find(([ending]) => ending.test(plain));
  if (found) return found[1];
  throw new UdfError(
    'invalid_config',
    `the name ${basename(name)} shows no known format; recordings end in .lp, .srpl, .brpl, .jsonl, .csv or .xml (Green Button), with .gz behind it if compressed`,
  );
}

/** Throws `invalid_argument` if the name of an item, or of one of its tags or fields, is empty: no reader accepts it. */
export function checkNames(item: RecordedItem, format: string): void {
  const fail = (what: string): never => {
    throw new UdfError('invalid_argument', `${format} cannot hold ${what} without a name`);
  };
  if (item.name === '') fail(item instanceof LazyBatch ? 'a batch' : 'a point');
  const points = item instanceof LazyBatch ? item.points : [item];
  if (Object.hasOwn(item.tags, '') || points.some(({ tags }) => Object.hasOwn(tags, ''))) fail('a tag');
  if (points.some(({ fields }) => Object.hasOwn(fields, ''))) fail('a field');
}
