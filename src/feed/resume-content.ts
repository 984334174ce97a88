import { FeedLinks, type SavedLinks } from '../recording/green-button/links.js';

/** What is known of a source that is polled. */
export interface SourceState {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Everything that was published before has been taken, milliseconds since the epoch. */
  readonly publishedMs?: number | undefined;
  /** The start of the last interval taken of each series, nanoseconds as text. */
  readonly lastIntervals: Readonly<Record<string, string>>;
  /** Links of earlier feeds: later ones may leave out what has not changed. */
  readonly links?: SavedLinks | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** The latest time that `Date` has. */
const maxDateMs = 8.64e15;

/** The content of a resume file. */
export interface Resume {
  /** Where the data went; older files do not say it. */
  readonly target: string | undefined;
  readonly sources: Map<string, SourceState>;
}

/** Reads the content of a resume file. Throws an error without the file's name if anything in it is not as it was written. */
export function readResume(text: string): Resume {
  const { version, target, sources } = object(JSON.parse(text), 'its content');
  if (version !== 1) throw new Error('it has another version');
  if (target !== undefined && typeof target !== 'string') throw wrong('target');
  return {
    target,
    sources: new Map(
      Object.entries(object(sources, 'sources')).map(([url, state]) => [url, readState(object(state, url))]),
    ),
  };
}

function readState({ etag, lastModified, publishedMs, lastIntervals, links }: Json): SourceState {
  return {
    etag: headerText(etag, 'etag'),
    lastModified: headerText(lastModified, 'lastModified'),
    publishedMs: time(publishedMs),
    lastIntervals: Object.fromEntries(
      Object.entries(object(lastIntervals, 'lastIntervals')).map(([series, start]) => [
        series,
        nanoseconds(start),
      ]),
    ),
    ...(links !== undefined && { links: savedLinks(links) }),
  };
}

/** A value that a request's header can hold. */
function headerText(value: unknown, name: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value))) {
    return value;
  }
  throw wrong(name);
}

function time(value: unknown): number | undefined {
  if (value === undefined || (typeof value === 'number' && Math.abs(value) <= maxDateMs)) return value;
  throw wrong('publishedMs');
}

function nanoseconds(value: unknown): string {
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return value;
  throw wrong('lastIntervals');
}

function savedLinks(value: unknown): SavedLinks {
  const links = value as SavedLinks; // tried next
  try {
    new FeedLinks(links);
  } catch {
    throw wrong('links');
  }
  return links;
}

function object(value: unknown, name: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json; // as just checked
  throw wrong(name);
}

function wrong(name: string): Error {
  return new Error(`${name} is not as it was written`);
}
