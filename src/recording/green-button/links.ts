import { UdfError } from '../../model/errors.js';
import type { ReadingType } from './reading-type.js';
import { MarkupError } from './xml-reader.js';

/** The links of an Atom entry, normalized by `normalizeHref`. */
export interface EntryLinks {
  readonly self: string | undefined;
  readonly up: readonly string[];
  readonly related: readonly string[];
}

/** Where the readings of a block belong. */
export interface Channel {
  readonly tags: Readonly<Record<string, string>>;
  readonly type: ReadingType;
}

/** The links as JSON, so that a later feed can do without the entries that this one had. */
export interface SavedLinks {
  readonly readingTypes: readonly (readonly [string, SavedReadingType])[];
  readonly meterReadings: readonly EntryLinks[];
  readonly usagePoints: readonly EntryLinks[];
}
type SavedReadingType = Omit<ReadingType, 'intervalLength'> & { readonly intervalLength: string | null };

/** Max entries whose links are kept, about 1 KB each. */
const maxEntries = 100_000;

/** The same resource has the same text, whether a link is absolute or relative to its server. */
export function normalizeHref(href: string): string {
  const path = href.trim().replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return path.replace(/#.*$/, '').replace(/\/+$/, '');
}

/** The entries of a feed by their links: which reading type, meter reading and usage point a block of readings belongs to. */
export class FeedLinks {
  readonly #readingTypes = new Map<string, ReadingType | 'refused'>();
  /** Meter readings by their own link, and by links to their blocks; `null` if several share one. */
  readonly #meterReadings = new Map<string, EntryLinks | null>();
  readonly #usagePoints = new Map<string, string>();
  readonly #saved = new Map<string, readonly ['meterReadings' | 'usagePoints', EntryLinks]>();

  constructor(saved?: SavedLinks) {
    if (!saved) return;
    for (const [self, { intervalLength, ...type }] of saved.readingTypes) {
      this.addReadingType(
        { self, up: [], related: [] },
        {
          ...type,
          intervalLength: intervalLength === null ? undefined : BigInt(intervalLength),
        },
      );
    }
    for (const links of saved.meterReadings) this.addMeterReading(links);
    for (const links of saved.usagePoints) this.addUsagePoint(links);
  }

  toJSON(): SavedLinks {
    const readingTypes = [...this.#readingTypes].flatMap(([self, type]) =>
      type === 'refused'
        ? []
        : [[self, { ...type, intervalLength: type.intervalLength?.toString() ?? null }] as const],
    );
    const ofKind = (kind: 'meterReadings' | 'usagePoints'): EntryLinks[] =>
      [...this.#saved.values()].flatMap(([of, links]) => (of === kind ? [links] : []));
    return { readingTypes, meterReadings: ofKind('meterReadings'), usagePoints: ofKind('usagePoints') };
  }

  /** Adds a reading type; `refused` if its entry was malformed. Throws as `addMeterReading` does. */
  addReadingType({ self }: EntryLinks, type: ReadingType | 'refused'): void {
    const key = this.#keyOf(self, 'ReadingType');
    this.#readingTypes.set(key, type);
  }

  /** Throws `malformed` without a link to itself, and `MarkupError` for too many entries. */
  addMeterReading(links: EntryLinks): void {
    const self = this.#keyOf(links.self, 'MeterReading');
    this.#saved.set(`m ${self}`, ['meterReadings', links]);
    this.#meterReadings.set(self, links);
    for (const href of links.related) {
      if (/\/ReadingType(?:\/[^/]*)?$/.test(href) || href === self) continue;
      const other = this.#meterReadings.get(href);
      if (other === undefined || other?.self === links.self) this.#meterReadings.set(href, links);
      else if (other?.self !== href) this.#meterReadings.set(href, null);
    }
  }

  /** Throws as `addMeterReading` does. */
  addUsagePoint(links: EntryLinks): void {
    const self = this.#keyOf(links.self, 'UsagePoint');
    this.#saved.set(`u ${self}`, ['usagePoints', links]);
    for (const href of [self, ...links.related]) this.#usagePoints.set(href, lastSegment(self));
  }

  /**
   * Finds where the readings of a block belong: `undefined` if an entry that says so may yet come, `refused` if its reading
   * type is malformed. At the end of a feed (`isEnd`), throws `malformed` naming the entry that is missing.
   */
  resolve(block: EntryLinks, isEnd = false): Channel | 'refused' | undefined {
    const meterReading = this.#meterReadingOf(block);
    if (!meterReading) {
      if (isEnd) throw missing(`no MeterReading that its links (${shownLinks(block)}) belong to`);
      return undefined;
    }
    const href = meterReading.related.find((link) => this.#readingTypes.has(link));
    const type = href === undefined ? undefined : this.#readingTypes.get(href);
    if (type === undefined) {
      if (isEnd) {
        const self = meterReading.self ?? '';
        throw missing(
          `no ReadingType that the MeterReading ${self} (related: ${shown(meterReading.related)}) names`,
        );
      }
      return undefined;
    }
    if (type === 'refused') return type;
    const usagePoint = this.#usagePointOf(meterReading);
    if (usagePoint === undefined && !isEnd) return undefined;
    const self = meterReading.self!; // `addMeterReading` requires it
    const customer = segmentAfter(self, 'RetailCustomer') ?? segmentAfter(self, 'Subscription');
    return {
      type,
      tags: {
        ...(customer !== undefined && { customer }),
        ...(usagePoint !== undefined && { usage_point: usagePoint }),
        meter_reading: lastSegment(self),
        ...type.tags,
      },
    };
  }

  /** The meter reading that a block names, or whose path its own extends. */
  #meterReadingOf({ self, up, related }: EntryLinks): EntryLinks | undefined {
    const parents = [...up, ...(self === undefined ? [] : [self])].flatMap((href) => [
      href,
      ...ancestors(href),
    ]);
    for (const href of [...parents, ...related]) {
      const found = this.#meterReadings.get(href);
      if (found) return found;
      if (found === null) {
        throw missing(
          `several MeterReadings that name ${href}; the feed does not say which of them it belongs to`,
        );
      }
    }
    return undefined;
  }

  #usagePointOf({ self, up }: EntryLinks): string | undefined {
    const hrefs = [...(self === undefined ? [] : [self]), ...up];
    for (const href of hrefs) {
      const id = segmentAfter(href, 'UsagePoint') ?? this.#usagePoints.get(href);
      if (id !== undefined) return id;
    }
    return undefined;
  }

  #keyOf(self: string | undefined, kind: string): string {
    if (self === undefined) throw new UdfError('malformed', `the ${kind} has no link rel="self"`);
    if (this.#readingTypes.size + this.#saved.size >= maxEntries) {
      throw new MarkupError(`it has more than ${maxEntries} meter readings, usage points and reading types`);
    }
    return self;
  }
}

function missing(what: string): UdfError {
  return new UdfError('malformed', `the IntervalBlock has ${what}; ask the utility for the whole feed`);
}

const maxShown = 3;

function shownLinks({ self, up, related }: EntryLinks): string {
  return shown([...(self === undefined ? [] : [self]), ...up, ...related]);
}

function shown(hrefs: readonly string[]): string {
  if (hrefs.length === 0) return 'none';
  return hrefs.slice(0, maxShown).join(' ') + (hrefs.length > maxShown ? ' …' : '');
}

/** A block is at `…/MeterReading/1/IntervalBlock/173`: the two paths above it. */
function ancestors(href: string): string[] {
  const parent = href.replace(/\/[^/]*$/, '');
  return [parent, parent.replace(/\/[^/]*$/, '')];
}

function lastSegment(href: string): string {
  return decoded(/[^/]*$/.exec(href)![0]); // matches any text
}

function segmentAfter(href: string, name: string): string | undefined {
  const segments = href.split('/');
  const index = segments.indexOf(name);
  const segment = index < 0 ? undefined : segments[index + 1];
  return segment === undefined || segment === '' ? undefined : decoded(segment);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
