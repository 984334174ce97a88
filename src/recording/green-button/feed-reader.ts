import { counted } from '../../model/text.js';
import type { BadEntries } from '../entries.js';
import { Entry, maxPerEntry } from './entry.js';
import type { Channel, EntryLinks, FeedLinks } from './links.js';
import { describeLocalTime, localTimeElements } from './local-time.js';
import { parseReadingType, readingTypeElements } from './reading-type.js';
import { parseReading, type Reading, readingElements } from './readings.js';
import { MarkupError, type XmlElement, type XmlHandler, type XmlReader } from './xml-reader.js';

const atom = 'http://www.w3.org/2005/Atom';
const espi = 'http://naesb.org/espi';

/** Max readings that wait for the entries that say what they are; about 200 bytes each. */
const maxWaitingReadings = 250_000;
/** Max characters of a text that is read: a number or a rule. */
const maxTextCharacters = 1_000;
/** After an entry that resolves links, waiting blocks are tried again; if they are many, only after several entries. */
const waitingPerEntry = 64;

/** Entries of ESPI that hold no readings and are not read. */
const otherResources = new Set([
  'ApplicationInformation',
  'Authorization',
  'BatchList',
  'ElectricPowerQualitySummary',
  'ElectricPowerUsageSummary',
  'ServiceStatus',
  'UsageSummary',
]);

const resources = new Set([
  ...['UsagePoint', 'MeterReading', 'ReadingType', 'IntervalBlock', 'LocalTimeParameters'],
  ...otherResources,
]);

interface Block {
  readonly line: number;
  readonly links: EntryLinks;
  readonly readings: Reading[];
}

/** Interprets a feed's elements and passes on its readings, each as soon as it is known what it measures. */
export class FeedReader implements XmlHandler {
  readonly #links: FeedLinks;
  readonly #bad: BadEntries;
  readonly #emit: (reading: Reading, channel: Channel) => void;
  readonly #isTranscoded: boolean;
  readonly #path: string[] = [];
  #entry: Entry | undefined;
  /** Elements of the current reading. */
  readonly #texts = new Map<string, string>();
  #qualities: string[] = [];
  /** The text of the current element, if it is read. */
  #text: string | undefined;
  readonly #waiting: Block[] = [];
  #waitingReadings = 0;
  #entriesSinceRetry = 0;
  #readings = 0;
  #refused = 0;
  readonly #unread = new Map<string, number>();
  readonly #localTimes = new Set<string>();
  /** The parser, for places. Set before the first element. */
  xml!: XmlReader;

  constructor(
    links: FeedLinks,
    bad: BadEntries,
    isTranscoded: boolean,
    emit: (reading: Reading, channel: Channel) => void,
  ) {
    this.#links = links;
    this.#bad = bad;
    this.#isTranscoded = isTranscoded;
    this.#emit = emit;
  }

  /** What to tell the user after the last entry. */
  get warnings(): string[] {
    const unread = [...this.#unread].map(([name, count]) => `${count} × ${name}`);
    return [
      ...[...this.#localTimes].map(
        (text) =>
          `its local time is ${text}; times are kept in UTC, as the feed has them: name the zone where calendars matter`,
      ),
      ...(unread.length > 0 ? [`not read, as it holds no interval readings: ${unread.join(', ')}`] : []),
      ...(this.#refused > 0
        ? [`${counted(this.#refused, 'reading')} of malformed reading types left out`]
        : []),
      ...(this.#readings + this.#refused === 0 ? ['it holds no interval readings'] : []),
    ];
  }

  encoding(label: string): void {
    // What is UTF-16 has been converted by its byte order mark: this text could not be read else.
    if (this.#isTranscoded || /^(?:utf-?8|us-ascii|utf-?16)$/i.test(label)) return;
    throw new MarkupError(
      `its encoding is ${label.slice(0, 40)}; name it: --encoding ${label.slice(0, 40).toLowerCase()}`,
    );
  }

  open(element: XmlElement): void {
    const { uri, name } = element;
    const path = this.#path;
    if (path.length === 0 && (uri !== atom || (name !== 'feed' && name !== 'entry'))) {
      throw new MarkupError(`no Green Button feed: it begins with <${name}>, not with the <feed> of Atom`);
    }
    this.#text = undefined;
    if (uri === atom && name === 'entry' && !this.#entry) this.#entry = new Entry(this.xml.line);
    const entry = this.#entry;
    if (entry) {
      if (path.at(-1) === 'content') this.#openResource(entry, uri, name);
      else if (uri === atom && name === 'link' && path.at(-1) === 'entry') entry.addLink(element);
      else if (this.#isRead(entry, name)) this.#text = '';
    }
    if (name === 'IntervalReading') {
      this.#texts.clear();
      this.#qualities = [];
    }
    path.push(name);
  }

  text(text: string): void {
    if (this.#text === undefined) return;
    this.#text += text;
    if (this.#text.length > maxTextCharacters) {
      throw new MarkupError(
        `the text of <${this.#path.at(-1)!}> has more than ${maxTextCharacters} characters`,
      );
    }
  }

  close(name: string): void {
    const path = this.#path;
    path.pop();
    const entry = this.#entry;
    if (!entry) return;
    if (this.#text !== undefined) this.#closeText(entry, name, this.#text.trim());
    else if (name === 'IntervalReading' && path.at(-1) === 'IntervalBlock') this.#closeReading(entry);
    else if (name === 'entry' && !path.includes('entry')) {
      this.#entry = undefined;
      this.#closeEntry(entry);
    }
    this.#text = undefined;
  }

  /** Emits the readings that still wait, then reports the blocks of those that belong nowhere. */
  finish(): void {
    const failed: (readonly [Block, unknown])[] = [];
    for (const block of this.#waiting.splice(0)) {
      try {
        const channel = this.#links.resolve(block.links, true);
        if (channel) this.#release(block, channel);
      } catch (reason) {
        failed.push([block, reason]);
      }
    }
    for (const [{ line }, reason] of failed) this.#bad.report(line, reason);
  }

  /** What is lost if the document ends here, for its error: ` (3 readings …)`. */
  get waitingText(): string {
    if (this.#waitingReadings === 0) return '';
    return `; ${counted(this.#waitingReadings, 'reading')} before it had no reading type yet`;
  }

  #openResource(entry: Entry, uri: string, name: string): void {
    if (uri !== espi) {
      if (!resources.has(name)) return;
      throw new MarkupError(`<${name}> is in the namespace ${JSON.stringify(uri.slice(0, 80))}, not ${espi}`);
    }
    entry.resource = name;
  }

  /** Whether an element's text is read. */
  #isRead({ resource }: Entry, name: string): boolean {
    const path = this.#path;
    const parent = path.at(-1);
    switch (resource) {
      case 'ReadingType':
        return parent === 'ReadingType' && readingTypeElements.has(name);
      case 'LocalTimeParameters':
        return parent === 'LocalTimeParameters' && localTimeElements.has(name);
      case 'IntervalBlock':
        if (parent === 'IntervalReading') return readingElements.has(name);
        if (path.at(-2) !== 'IntervalReading') return false;
        if (parent === 'ReadingQuality') return name === 'quality';
        return parent === 'timePeriod' && (name === 'start' || name === 'duration');
      default:
        return false;
    }
  }

  #closeText(entry: Entry, name: string, text: string): void {
    if (name === 'quality') {
      if (this.#qualities.push(text) > maxPerEntry) {
        throw new MarkupError(`the IntervalReading has more than ${maxPerEntry} quality flags`);
      }
    } else (entry.resource === 'IntervalBlock' ? this.#texts : entry.texts).set(name, text);
  }

  #closeReading(entry: Entry): void {
    const reading = this.#attempt(() => parseReading(this.#texts, this.#qualities));
    if (!reading) return;
    this.#readings++;
    if (!entry.isTried) {
      entry.isTried = true;
      // Reports an ambiguous link only at the entry's end: more links may follow.
      entry.channel = quietly(() => this.#links.resolve(entry.links));
    }
    if (entry.channel) this.#pass(reading, entry.channel);
    else {
      entry.readings.push(reading);
      if (++this.#waitingReadings > maxWaitingReadings) {
        throw new MarkupError(
          `more than ${maxWaitingReadings} readings wait for their MeterReading and ReadingType, which come later or not at all; ` +
            'split the feed, or put these entries before the readings',
        );
      }
    }
  }

  #closeEntry(entry: Entry): void {
    switch (entry.resource) {
      case 'UsagePoint':
        this.#attempt(() => {
          this.#links.addUsagePoint(entry.links);
        });
        break;
      case 'MeterReading':
        this.#attempt(() => {
          this.#links.addMeterReading(entry.links);
        });
        break;
      case 'ReadingType': {
        const type = this.#attempt(() => parseReadingType(entry.texts)) ?? 'refused';
        this.#attempt(() => {
          this.#links.addReadingType(entry.links, type);
        });
        break;
      }
      case 'LocalTimeParameters':
        this.#attempt(
          () => this.#localTimes.size < 10 && this.#localTimes.add(describeLocalTime(entry.texts)),
        );
        return;
      case 'IntervalBlock':
        if (entry.readings.length > 0) {
          this.#waiting.push({ line: entry.line, links: entry.links, readings: entry.readings });
          this.#retry(this.#waiting.length - 1);
        }
        return;
      case '':
        return;
      default:
        // An unknown resource is named too: it may be what the user misses.
        if (this.#unread.has(entry.resource) || this.#unread.size < 10) {
          this.#unread.set(entry.resource, (this.#unread.get(entry.resource) ?? 0) + 1);
        }
        return;
    }
    if (++this.#entriesSinceRetry * waitingPerEntry >= this.#waiting.length) this.#retry();
  }

  /** Resolves waiting blocks, from the given one on. */
  #retry(from = 0): void {
    if (from === 0) this.#entriesSinceRetry = 0;
    for (const block of this.#waiting.splice(from)) {
      const channel = quietly(() => this.#links.resolve(block.links));
      if (channel) this.#release(block, channel);
      else this.#waiting.push(block);
    }
  }

  #release({ readings }: Block, channel: Channel | 'refused'): void {
    this.#waitingReadings -= readings.length;
    for (const reading of readings) this.#pass(reading, channel);
  }

  #pass(reading: Reading, channel: Channel | 'refused'): void {
    if (channel === 'refused') this.#refused++;
    else this.#emit(reading, channel);
  }

  /** Reports a malformed entry at its place. */
  #attempt<Value>(read: () => Value): Value | undefined {
    try {
      return read();
    } catch (reason) {
      if (reason instanceof MarkupError) throw reason;
      this.#bad.report(this.xml.line, reason, '', this.xml.column);
      return undefined;
    }
  }
}

/** Undefined if it throws: at the end of the feed, the same call reports it. */
function quietly<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
