import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ReadOptions } from '../recording/read-options.js';
import { precisions, type Precision } from '../recording/times.js';

/** The options of commands that read recordings, as commander names them. */
export interface ReadFlags {
  readonly precision?: Precision;
  readonly delimiter?: string;
  readonly timeColumn?: readonly string[];
  readonly tagColumn?: readonly string[];
  readonly thousands?: string;
  readonly timeFormat?: string;
  readonly timeZone?: string;
  readonly null?: readonly string[];
  readonly encoding?: string;
  readonly measurement?: string;
}

export const readFlagNames = [
  'precision',
  'delimiter',
  'timeColumn',
  'tagColumn',
  'thousands',
  'timeFormat',
  'timeZone',
  'null',
  'encoding',
  'measurement',
] as const satisfies (keyof ReadFlags)[];

/** Adds the options for how a recording's text is read. */
export function addReadOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--precision <unit>',
        "the unit of times that are numbers (default: ns; s for the timestamp of Telegraf's JSON)",
      ).choices(precisions),
    )
    .addOption(
      new Option(
        '--delimiter <character>',
        "the character between the cells of CSV: ';', '|', tab (default: ,)",
      ).argParser(delimiter),
    )
    .addOption(
      new Option(
        '--time-column <name>',
        'the column of CSV that holds the time; repeatable, for a column with the date and one with the time of day, whose cells are ' +
          'joined by a space. Lines above the header that has them are left out (default: time; _time if annotated)',
      ).argParser(collect),
    )
    .addOption(
      new Option('--tag-column <name>', 'a column of CSV that is a tag, not a field; repeatable').argParser(
        collect,
      ),
    )
    .option('--thousands <character>', 'the character between the thousands of numbers in CSV: , or a blank')
    .option(
      '--time-format <format>',
      "how times are written, in Luxon's tokens: 'dd.MM.yyyy HH:mm:ss' (default: numbers, and dates as 2018-01-03T11:30:51Z)",
    )
    .option(
      '--time-zone <zone>',
      'the IANA zone of times without a zone of their own: Europe/Berlin. A time that comes twice as the clock is put ' +
        'back is read by the order of the file, which a warning says; one that is skipped as the clock is put forward is malformed',
    )
    .addOption(
      new Option(
        '--null <marker>',
        'a cell of CSV that stands for a missing value, as NA; repeatable',
      ).argParser(collect),
    )
    .option(
      '--encoding <label>',
      "the text's encoding: windows-1252, utf-16le, … (default: utf-8, or UTF-16 if it begins with its byte order mark)",
    )
    .option(
      '--measurement <name>',
      'the measurement of a Green Button feed (default: interval_reading), or of CSV without a column for it',
    );
}

/** Collects the values of an option that is given several times. */
function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** `tab` and `\t` are easier to type than the character. */
function delimiter(text: string): string {
  if (text === 'tab' || text === '\\t') return '\t';
  if (text.length !== 1) throw new InvalidArgumentError("It must be one character, or 'tab'.");
  return text;
}

/** The flags as options for reading. */
export function readOptionsOf(flags: ReadFlags): ReadOptions {
  const { precision, timeColumn, timeFormat, timeZone, encoding, measurement, null: nullMarkers } = flags;
  const { tagColumn: tagColumns, thousands } = flags;
  return {
    precision,
    delimiter: flags.delimiter,
    timeColumn,
    timeFormat,
    timeZone,
    nullMarkers,
    encoding,
    measurement,
    tagColumns,
    thousands,
  };
}

/** The option as it is typed: `--time-zone`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
