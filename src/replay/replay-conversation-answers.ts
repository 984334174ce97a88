import { FrameReader } from '../wire/frame-reader.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { decodeResponse, encodeResponse, type InfoMessage, type Response } from '../wire/messages.js';
import type { Fields, Tags } from '../model/values.js';
import { showLine } from '../recording/format-line.js';

/** An answer of a UDF, for comparison and display. A point is decoded only if its bytes differ. */
export class Answer {
  /** The frame, if it is a point. */
  readonly #frame: Buffer | undefined;
  #text: string | undefined;
  #details = '';
  /** Key of a point: measurement, tags and time. */
  #seriesAndTime = '';
  #fields: Fields = {};

  private constructor(frame: Buffer | undefined, text: string | undefined, details = '') {
    this.#frame = frame;
    this.#text = text;
    this.#details = details;
  }

  /** Creates a point from its frame, which is copied. */
  static point(frame: Buffer): Answer {
    return new Answer(Buffer.from(frame), undefined);
  }

  /** Creates any other answer. `details` are compared too, but shown only if the texts are equal. */
  static other(text: string, details = ''): Answer {
    return new Answer(undefined, text, details);
  }

  /** A point as line protocol, with sorted tags and fields; any other answer in words. */
  get text(): string {
    if (this.#text === undefined) this.#decode();
    return this.#text!; // `#decode` has set it
  }

  /** The text with what line protocol does not contain, such as the group. */
  get fullText(): string {
    const { text } = this;
    return this.#details === '' ? text : `${text}    (${this.#details})`;
  }

  /** Whether both are points of one series and time. */
  hasSameSeriesAndTime(other: Answer): boolean {
    return (
      this.#frame !== undefined &&
      this.text !== '' &&
      other.text !== '' &&
      this.#seriesAndTime === other.#seriesAndTime
    );
  }

  /** Compares regardless of the order of tags and fields, and doubles within the tolerance. */
  equals(other: Answer, tolerance: number): boolean {
    if (this.#frame && other.#frame?.equals(this.#frame)) return true;
    if (this.text !== other.text) {
      if (
        tolerance === 0 ||
        !this.hasSameSeriesAndTime(other) ||
        !areFieldsWithin(this.#fields, other.#fields, tolerance)
      )
        return false;
    }
    return this.#details === other.#details;
  }

  #decode(): void {
    const point = decodePoint(this.#frame!); // without text, there is a frame
    const { name, tags, fields, time, database, retentionPolicy, group, dimensions, byName } = point;
    // Points of a batch have no name.
    const series = { name: name || '…', tags: sortedByKey<Tags>(tags) };
    this.#text = showLine({ ...series, fields: sortedByKey<Fields>(fields), time });
    this.#seriesAndTime = JSON.stringify([series.name, series.tags, String(time)]);
    this.#fields = fields;
    const groupedBy = dimensions.length > 0 ? `, by ${dimensions.join(', ')}` : '';
    const dbrp = database || retentionPolicy ? `, ${database}.${retentionPolicy}` : '';
    this.#details = `group "${group}"${groupedBy}${byName ? ', by name' : ''}${dbrp}`;
  }
}

/** Whether all fields are equal; doubles within a tolerance relative to `one`. */
function areFieldsWithin(one: Fields, other: Fields, tolerance: number): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => {
      const [a, b] = [one[name], other[name]];
      if (typeof a !== 'number' || typeof b !== 'number') return a !== undefined && a === b;
      return Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.abs(a);
    })
  );
}

/** Decodes a UDF's answers, except keepalives and snapshots, which differ between runs. */
export class AnswerReader {
  readonly #frames: FrameReader;
  readonly #onAnswer: (answer: Answer) => void;
  /** Called for each Info response; `false` skips it. */
  readonly #onInfo: () => boolean;

  constructor(onAnswer: (answer: Answer) => void, onInfo: () => boolean = () => true) {
    this.#onAnswer = onAnswer;
    this.#onInfo = onInfo;
    this.#frames = new FrameReader(maxMessageBytes, (buf, frame, payload, end) => {
      if (LazyPoint.fromFrame(buf, frame, payload, end)) {
        this.#onAnswer(Answer.point(buf.subarray(frame, end)));
      } else {
        this.#readOther(decodeResponse(buf.subarray(payload, end)));
      }
    });
  }

  /** Throws `malformed` or `limit` for bytes that are not responses. */
  push(bytes: Buffer): void {
    this.#frames.push(bytes);
  }

  #readOther(response: Response): void {
    switch (response.kind) {
      case 'point':
        this.#onAnswer(Answer.point(encodeResponse(response))); // its wire fields are in an unusual order
        return;
      case 'info':
        if (this.#onInfo()) this.#onAnswer(Answer.other(formatInfo(response)));
        return;
      case 'init':
      case 'restore':
        this.#onAnswer(
          Answer.other(`${response.kind} ${response.success ? 'accepted' : `refused: ${response.error}`}`),
        );
        return;
      case 'error':
        this.#onAnswer(Answer.other(`error: ${response.error}`));
        return;
      case 'begin': {
        const { name, tags, size, group, byName } = response;
        this.#onAnswer(
          Answer.other(
            `begin of batch ${formatSeries(name, tags)}, ${size} points`,
            formatDetails(group, byName),
          ),
        );
        return;
      }
      case 'end': {
        const { name, tags, tmax, group, byName } = response;
        this.#onAnswer(
          Answer.other(`end of batch ${formatSeries(name, tags)} ${tmax}`, formatDetails(group, byName)),
        );
        return;
      }
      case 'keepalive': // sent at any time
      case 'snapshot': // an opaque format of the UDF
        return;
    }
  }
}

const maxMessageBytes = 1024 ** 3;

function decodePoint(frame: Buffer): LazyPoint {
  let point: LazyPoint | undefined;
  new FrameReader(Infinity, (buf, at, payload, end) => {
    point = LazyPoint.fromFrame(buf, at, payload, end);
  }).push(frame);
  return point!; // callers pass frames of points
}

function sortedByKey<Entries extends Readonly<Record<string, unknown>>>(entries: Entries): Entries {
  // Same keys and values, in another order.
  return Object.fromEntries(
    Object.entries(entries).sort(([one], [other]) => (one < other ? -1 : 1)),
  ) as Entries;
}

function formatSeries(name: string, tags: Tags): string {
  return [name, ...Object.entries(sortedByKey(tags)).map(([tag, value]) => `${tag}=${value}`)].join(',');
}

function formatDetails(group: string, byName: boolean): string {
  return `group "${group}"${byName ? ', by name' : ''}`;
}

function formatInfo({ wants, provides, options }: InfoMessage): string {
  const list = Object.entries(sortedByKey(options)).map(([name, types]) => `${name}(${types.join(', ')})`);
  return `info: ${wants} -> ${provides}${list.length > 0 ? `, options ${list.join(', ')}` : ''}`;
}
