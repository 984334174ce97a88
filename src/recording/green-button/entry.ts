import { type Channel, type EntryLinks, normalizeHref } from './links.js';
import type { Reading } from './readings.js';
import { MarkupError, type XmlElement } from './xml-reader.js';

/** Max links of an entry and quality flags of a reading. */
export const maxPerEntry = 1_000;

/** An entry of the feed that is being read. */
export class Entry {
  readonly line: number;
  self: string | undefined;
  readonly up: string[] = [];
  readonly related: string[] = [];
  /** The element in its content: `IntervalBlock`. */
  resource = '';
  /** The texts of its elements, except those of readings. */
  readonly texts = new Map<string, string>();
  /** Readings that came before it was known where they belong. */
  readonly readings: Reading[] = [];
  channel: Channel | 'refused' | undefined;
  /** Whether its links were looked up, at its first reading. */
  isTried = false;

  constructor(line: number) {
    this.line = line;
  }

  get links(): EntryLinks {
    return { self: this.self, up: this.up, related: this.related };
  }

  addLink(link: XmlElement): void {
    const href = link.attribute('href');
    if (href === undefined || href === '') return;
    if (this.up.length + this.related.length >= maxPerEntry) {
      throw new MarkupError(`the entry of line ${this.line} has more than ${maxPerEntry} links`);
    }
    const rel = link.attribute('rel');
    if (rel === 'self') this.self ??= normalizeHref(href);
    else if (rel === 'up') this.up.push(normalizeHref(href));
    else if (rel === 'related') this.related.push(normalizeHref(href));
  }
}
