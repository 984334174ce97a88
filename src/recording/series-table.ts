import type { Tags } from '../model/values.js';
import { viewToRead } from '../wire/view.js';
import { hashWords } from '../wire/words.js';

/** One kept series: its bytes as a line had them, and what was made of them. */
interface Kept<Series> {
  readonly bytes: Buffer;
  readonly series: Series;
}

/** A measurement with its tags, made into whatever the reader needs of it. */
export type MakeSeries<Series> = (name: string, tags: Tags) => Series;

const tableSize = 16_384;

/**
 * What is known of each series, found by the bytes that a line begins with: reading a name and tags anew for every point
 * costs more than all the rest. A fixed number of places, so that a recording of ever-new series takes no more memory.
 */
export class SeriesTable<Series> {
  readonly #table = new Array<Kept<Series> | undefined>(tableSize).fill(undefined);

  /** What was made of `buf[start..end)`; `make` makes it if it is not kept. */
  get(buf: Buffer, start: number, end: number, make: () => Series): Series {
    const slot = hashWords(viewToRead(buf), start, end - start, 0) & (tableSize - 1);
    const kept = this.#table[slot];
    if (kept && isEqual(kept.bytes, buf, start, end)) return kept.series;
    const series = make();
    this.#table[slot] = { bytes: Buffer.from(buf.subarray(start, end)), series };
    return series;
  }
}

function isEqual(bytes: Buffer, buf: Buffer, start: number, end: number): boolean {
  const { length } = bytes;
  if (length !== end - start) return false;
  for (let index = 0; index < length; index++) if (bytes[index] !== buf[start + index]) return false;
  return true;
}
