import { UdfError } from '../model/errors.js';
import type { FieldValue, Tags } from '../model/values.js';
import { LineParser } from '../recording/line-parser.js';
import type { KairosTarget } from './target.js';

/** A data point as an element of a request's JSON. */
export interface DataPoint {
  readonly metric: string;
  readonly json: string;
}

interface MetricSeries {
  readonly name: string;
  /** As JSON. */
  readonly tags: string;
}

const nanosecondsPerMs = 1_000_000n;
/** Java's `writeUTF`, by which KairosDB stores texts, has a length of 16 bits. */
const maxTextBytes = 65_535;

/** Converts line protocol to data points: one for each field, of the metric `measurement.field`. */
export class DataPointConverter {
  readonly #roundsTimes: boolean;
  readonly #parser: LineParser<MetricSeries>;

  constructor({ defaultTag, roundsTimes }: Pick<KairosTarget, 'defaultTag' | 'roundsTimes'>) {
    this.#roundsTimes = roundsTimes;
    this.#parser = new LineParser((name, tags) => ({ name, tags: tagsJson(tags, defaultTag) }));
  }

  /**
   * The data points of a line with a time in nanoseconds. Throws `refused` for what KairosDB would change or lose without an
   * error: a time finer than milliseconds, and text above 65,535 bytes.
   */
  convert(line: string): readonly DataPoint[] {
    const bytes = Buffer.from(line);
    this.#parser.parse(bytes, 0, bytes.length);
    const { series, time = 0n, fields } = this.#parser; // every line of a feed has a time
    const timestamp = this.#milliseconds(time);
    return Object.entries(fields.toRecord()).map(([field, value]) => {
      const metric = `${series.name}.${field}`;
      const [type, text] = valueJson(metric, value);
      const json = `{"name":${JSON.stringify(metric)},"timestamp":${timestamp},"type":"${type}","value":${text},"tags":${series.tags}}`;
      return { metric, json };
    });
  }

  #milliseconds(time: bigint): bigint {
    const rest = ((time % nanosecondsPerMs) + nanosecondsPerMs) % nanosecondsPerMs;
    if (rest === 0n || this.#roundsTimes) return (time - rest) / nanosecondsPerMs;
    throw new UdfError(
      'refused',
      `KairosDB stores milliseconds, and the time ${time} is finer; round times down by ?precision=ms in the URL`,
    );
  }
}

/** The type and the JSON of a value. KairosDB has no booleans: they become 1 and 0. */
function valueJson(metric: string, value: FieldValue): readonly [type: string, json: string] {
  if (typeof value === 'number') return ['double', Object.is(value, -0) ? '-0.0' : String(value)];
  if (typeof value === 'bigint') return ['long', String(value)];
  if (typeof value === 'boolean') return ['long', value ? '1' : '0'];
  const bytes = storedBytes(value);
  if (bytes <= maxTextBytes) return ['string', JSON.stringify(value)];
  throw new UdfError(
    'refused',
    `KairosDB stores texts of at most ${maxTextBytes} bytes, and ${metric} has ${bytes}`,
  );
}

/** The length of a text in Java's modified UTF-8. */
function storedBytes(text: string): number {
  if (text.length * 3 <= maxTextBytes) return text.length; // cannot be too long
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    bytes += code === 0 ? 2 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
  }
  return bytes;
}

function tagsJson(tags: Tags, defaultTag: KairosTarget['defaultTag']): string {
  const entries = Object.entries(tags);
  if (defaultTag && !Object.hasOwn(tags, defaultTag.name)) entries.push([defaultTag.name, defaultTag.value]);
  return `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
}
