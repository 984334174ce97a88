import { basename } from 'node:path';
import { UdfError } from '../model/errors.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';

/**
 * How a recording is written down: line protocol, Kapacitor's stream and batch recordings, JSON Lines, or CSV with a
 * header.
 */
export type RecordingFormat = 'lp' | 'srpl' | 'brpl' | 'jsonl' | 'csv';

export const recordingFormats: readonly RecordingFormat[] = ['lp', 'srpl', 'brpl', 'jsonl', 'csv'];

/** A point of a stream, or a whole batch. */
export type RecordedItem = LazyPoint | LazyBatch;

const endings: readonly (readonly [ending: RegExp, format: RecordingFormat])[] = [
  [/\.(lp|line|lines|influx|txt)$/i, 'lp'],
  [/\.srpl$/i, 'srpl'],
  [/\.brpl$/i, 'brpl'],
  [/\.(jsonl|ndjson)$/i, 'jsonl'],
  [/\.csv$/i, 'csv'],
];

/** The format that a file's name tells; `.gz` behind it does not matter. Throws `invalid_config` if it tells none. */
export function formatOfName(name: string): RecordingFormat {
  const plain = name.replace(/\.gz$/i, '');
  const found = endings.find(([ending]) => ending.test(plain));
  if (found) return found[1];
  throw new UdfError(
    'invalid_config',
    `the name ${basename(name)} does not tell the format; recordings end in .lp, .srpl, .brpl, .jsonl or .csv, with .gz behind it if compressed`,
  );
}
