import { FrameReader } from '../wire/frame-reader.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { decodeResponse, encodeResponse, type InfoMessage, type Response } from '../wire/messages.js';
import type { Fields, Tags } from '../model/values.js';
import { showLine } from '../recording/format-line.js';

/** One answer of a UDF, to be compared and shown; a point is decoded only when it differs. */
export class Answer {
  /** The frame, if it is a point. */
  readonly #frame: Buffer | undefined;
  #text: string | undefined;
  #head = '';
  /** Measurement, tags and time of a point: such points are shown side by side. */
  #place = '';
  #fields: Fields = {};

  private constructor(frame: Buffer | undefined, text: string | undefined, head = '') {
    this.#frame = frame;
    this.#text = text;
    this.#head = head;
  }

  /** A point from its frame, which is copied. */
  static point(frame: Buffer): Answer {
    return new Answer(Buffer.from(frame), undefined);
  }

  /** Any other answer, by its text; `head` is compared too, and shown only if the texts are equal. */
  static other(text: string, head = ''): Answer {
    return new Answer(undefined, text, head);
  }

  /** A point as line protocol, with tags and fields sorted; another answer in words. */
  get text(): string {
    if (this.#text === undefined) this.#decode();
    return this.#text!; // `#decode` has set it
  }

  /** The text, and what line protocol does not hold, such as the group. */
  get fullText(): string {
    const { text } = this;
    return this.#head === '' ? text : `${text}    (${this.#head})`;
  }

  /** Whether both are points of one series at one time. */
  hasPlaceOf(other: Answer): boolean {
    return this.#frame !== undefined && this.text !== '' && other.text !== '' && this.#place === other.#place;
  }

  /** Whether both are equal but for the order of tags and fields, and doubles within the tolerance. */
  equals(other: Answer, tolerance: number): boolean {
    if (this.#frame && other.#frame?.equals(this.#frame)) return true;
    if (this.text !== other.text) {
      if (tolerance === 0 || !this.hasPlaceOf(other) || !near(this.#fields, other.#fields, tolerance))
        return false;
    }
    return this.#head === other.#head;
  }

  #decode(): void {
    const point = pointOf(this.#frame!); // an answer without text has a frame
    const { name, tags, fields, time, database, retentionPolicy, group, dimensions, byName } = point;
    // A point of a batch has no name of its own.
    const series = { name: name || '…', tags: sorted<Tags>(tags) };
    this.#text = showLine({ ...series, fields: sorted<Fields>(fields), time });
    this.#place = JSON.stringify([series.name, series.tags, String(time)]);
    this.#fields = fields;
    const by = dimensions.length > 0 ? `, by ${dimensions.join(', ')}` : '';
    const place = database || retentionPolicy ? `, ${database}.${retentionPolicy}` : '';
    this.#head = `group "${group}"${by}${byName ? ', by name' : ''}${place}`;
  }
}

/** Whether all fields are equal, doubles within the tolerance relative to the first. */
function near(one: Fields, other: Fields, tolerance: number): boolean {
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

/** Reads the answers in a UDF's bytes, except keepalives and snapshots, which differ from run to run. */
export class AnswerReader {
  readonly #frames: FrameReader;
  readonly #onAnswer: (answer: Answer) => void;
  /** Called at each Info response; `false` excludes it from the comparison. */
  readonly #onInfo: () => boolean;

  constructor(onAnswer: (answer: Answer) => void, onInfo: () => boolean = () => true) {
    this.#onAnswer = onAnswer;
    this.#onInfo = onInfo;
    this.#frames = new FrameReader(maxMessageBytes, (buf, frame, payload, end) => {
      if (LazyPoint.fromFrame(buf, frame, payload, end)) {
        this.#onAnswer(Answer.point(buf.subarray(frame, end)));
      } else {
        this.#other(decodeResponse(buf.subarray(payload, end)));
      }
    });
  }

  /** Throws `malformed` or `limit` for bytes that are not responses. */
  push(bytes: Buffer): void {
    this.#frames.push(bytes);
  }

  #other(response: Response): void {
    switch (response.kind) {
      case 'point':
        this.#onAnswer(Answer.point(encodeResponse(response))); // its fields are in an unusual order
        return;
      case 'info':
        if (this.#onInfo()) this.#onAnswer(Answer.other(infoText(response)));
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
          Answer.other(`begin of batch ${seriesText(name, tags)}, ${size} points`, head(group, byName)),
        );
        return;
      }
      case 'end': {
        const { name, tags, tmax, group, byName } = response;
        this.#onAnswer(Answer.other(`end of batch ${seriesText(name, tags)} ${tmax}`, head(group, byName)));
        return;
      }
      case 'keepalive': // sent at any time
      case 'snapshot': // an opaque format of the UDF
        return;
    }
  }
}

const maxMessageBytes = 1024 ** 3;

function pointOf(frame: Buffer): LazyPoint {
  let point: LazyPoint | undefined;
  new FrameReader(Infinity, (buf, at, payload, end) => {
    point = LazyPoint.fromFrame(buf, at, payload, end);
  }).push(frame);
  return point!; // `point` is called with frames of points
}

function sorted<Entries extends Readonly<Record<string, unknown>>>(entries: Entries): Entries {
  // The same names and values in another order.
  return Object.fromEntries(
    Object.entries(entries).sort(([one], [other]) => (one < other ? -1 : 1)),
  ) as Entries;
}

function seriesText(name: string, tags: Tags): string {
  return [name, ...Object.entries(sorted(tags)).map(([tag, value]) => `${tag}=${value}`)].join(',');
}

function head(group: string, byName: boolean): string {
  return `group "${group}"${byName ? ', by name' : ''}`;
}

function infoText({ wants, provides, options }: InfoMessage): string {
  const list = Object.entries(sorted(options)).map(([name, types]) => `${name}(${types.join(', ')})`);
  return `info: ${wants} -> ${provides}${list.length > 0 ? `, options ${list.join(', ')}` : ''}`;
}
