import type { Agent, DataObserver } from '../../agent/agent.js';
import type { UseId } from '../../model/statistics.js';
import { capText } from '../../model/text.js';
import type { FieldValue } from '../../model/values.js';
import { FrameReader } from '../../wire/frame-reader.js';
import { LazyPoint } from '../../wire/point/lazy-point.js';

/** A point as the page shows it: names and values as texts, cut to a bounded length. */
export interface SampledPoint {
  /** When it was seen, in Unix milliseconds. */
  readonly seenAt: number;
  /** Its own time in nanoseconds, in decimal: a number would be rounded. */
  readonly time: string;
  /** Empty for points of a batch, which have none. */
  readonly name: string;
  readonly group: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The last points that were seen, the newest first. */
export interface PointSamples {
  readonly input: readonly SampledPoint[];
  readonly output: readonly SampledPoint[];
}

/** The connections of a use that are open. */
export type FindConnections = (use: UseId) => readonly Pick<Agent, 'observe'>[];

/** Points that are decoded each way for one look. */
const pointsPerLook = 5;
/** Points that are kept each way. */
const maxKept = 20;
/** Uses that are looked at at a time. */
const maxWatched = 8;
/** A connection is observed no longer than this after a look. */
const watchMs = 5_000;
/** A larger frame is no point that is worth showing. */
const maxFrameBytes = 64 * 1024;
const maxFields = 16;
const maxValueBytes = 120;

/**
 * Samples the points of uses that somebody looks at. Each look takes the next few points each way, whatever their rate, and
 * then the connection is left alone until the next look: nothing is spent on uses that nobody looks at.
 */
export class PointSampler {
  readonly #find: FindConnections;
  readonly #watched = new Map<string, Watch>();

  constructor(find: FindConnections) {
    this.#find = find;
  }

  /** The points that were seen since the first look, and takes the next ones. Empty at the first look. */
  look(use: UseId): PointSamples {
    const key = JSON.stringify([use.udf, use.task, use.node]);
    let watch = this.#watched.get(key);
    if (!watch) {
      if (this.#watched.size >= maxWatched) this.#end(this.#watched.keys().next().value!); // it is not empty
      watch = new Watch(() => {
        this.#end(key);
      });
      this.#watched.set(key, watch);
    }
    watch.start(this.#find(use));
    return watch.samples;
  }

  /** Observes no connection any more. */
  close(): void {
    for (const key of [...this.#watched.keys()]) this.#end(key);
  }

  #end(key: string): void {
    this.#watched.get(key)?.stop();
    this.#watched.delete(key);
  }
}

/** What is seen of one use. */
class Watch {
  readonly #input: SampledPoint[] = [];
  readonly #output: SampledPoint[] = [];
  readonly #expired: () => void;
  #connections: readonly Pick<Agent, 'observe'>[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Points that are still to be taken. */
  #inputLeft = 0;
  #outputLeft = 0;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  get samples(): PointSamples {
    return { input: [...this.#input], output: [...this.#output] };
  }

  start(connections: readonly Pick<Agent, 'observe'>[]): void {
    this.stop();
    this.#inputLeft = this.#outputLeft = pointsPerLook;
    this.#connections = connections;
    for (const connection of connections) connection.observe(this.#observer);
    this.#timer = setTimeout(this.#expired, watchMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const connection of this.#connections) connection.observe(undefined);
    this.#connections = [];
  }

  readonly #observer: DataObserver = {
    input: (buf, frame, payload, end) => {
      if (this.#inputLeft > 0 && take(this.#input, buf, frame, payload, end)) this.#inputLeft--;
      this.#stopIfDone();
    },
    output: (buffers) => {
      if (this.#outputLeft <= 0) return;
      const reader = new FrameReader(maxFrameBytes, (buf, frame, payload, end) => {
        if (take(this.#output, buf, frame, payload, end) && --this.#outputLeft <= 0) reader.stop();
      });
      try {
        for (const buffer of buffers) {
          reader.push(buffer);
          if (this.#outputLeft <= 0) break;
        }
      } catch {
        // A frame above the limit, such as a snapshot: the rest of this write is not shown.
      }
      this.#stopIfDone();
    },
  };

  /** Keeps what was seen, and the timer: without a further look, the use is forgotten. */
  #stopIfDone(): void {
    if (this.#inputLeft > 0 || this.#outputLeft > 0) return;
    for (const connection of this.#connections) connection.observe(undefined);
    this.#connections = [];
  }
}

/** Adds the frame to the samples, and returns true, if it is a point. */
function take(samples: SampledPoint[], buf: Buffer, frame: number, payload: number, end: number): boolean {
  if (end - frame > maxFrameBytes) return false;
  try {
    const point = LazyPoint.fromFrame(buf, frame, payload, end);
    if (!point) return false;
    samples.unshift(sampleOf(point));
  } catch {
    return false; // malformed: the agent itself reports it
  }
  if (samples.length > maxKept) samples.pop();
  return true;
}

function sampleOf(point: LazyPoint): SampledPoint {
  const { time, name, group, fields } = point;
  const entries = Object.entries(fields).slice(0, maxFields);
  return {
    seenAt: Date.now(),
    time: String(time),
    name: shown(name),
    group: shown(group),
    fields: Object.fromEntries(entries.map(([key, value]) => [shown(key), valueText(value)])),
  };
}

function valueText(value: FieldValue): string {
  return typeof value === 'string'
    ? `"${shown(value)}"`
    : typeof value === 'bigint'
      ? `${value}i`
      : String(value);
}

function shown(text: string): string {
  return capText(text, maxValueBytes);
}
