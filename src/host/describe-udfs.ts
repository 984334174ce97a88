import Table from 'cli-table3';
import { formatDuration } from '../model/duration.js';
import { wrapWords } from '../model/text.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { Argument, OptionSpec, OptionSpecs } from '../udf/option.js';
import { runtimeOptions } from '../udf/runtime-options.js';

/** A line for each UDF, cut to `width` if given. */
export function udfLines(udfs: readonly UdfDefinition[], width = Infinity): string {
  const names = columnWidth(udfs.map(({ name }) => name));
  const edges = columnWidth(udfs.map(edgesOf));
  const lines = udfs.map((udf) =>
    cutTo(width, `${udf.name.padEnd(names)}  ${edgesOf(udf).padEnd(edges)}  ${udf.doc}`.trimEnd()),
  );
  return [...lines, '', 'kapacitor-udf list NAME shows the options of a UDF.'].join('\n');
}

/** UDFs with a table of their options each, wrapped to `width`. */
export function udfSections(udfs: readonly UdfDefinition[], width = 80): string {
  const sections = udfs.map((udf) => {
    const own = Object.entries(udf.options).filter(([name]) => !isRuntimeOption(name));
    const title = `@${udf.name}()  ${edgesOf(udf)}`;
    return [
      ...(udf.doc === '' ? [title] : [title, ...wrapWords(udf.doc.split(' '), width)]),
      own.length > 0 ? table(Object.fromEntries(own), width) : 'It has no options of its own.',
    ].join('\n');
  });
  return [...sections, `Every UDF also has\n${table(runtimeOptions, width)}`].join('\n\n');
}

/** A UDF as `--json` prints it; durations are written as in a TICKscript. */
export function describeUdf({ name, doc, wants, provides, options }: UdfDefinition): object {
  const plain = (value: unknown): unknown => (typeof value === 'bigint' ? formatDuration(value) : value);
  const described = Object.entries(options).map(([option, spec]) => ({
    name: option,
    doc: spec.doc,
    args: spec.args.map((argument) =>
      Object.fromEntries(Object.entries(argument).map(([key, value]) => [key, plain(value)])),
    ),
    required: spec.required,
    repeatable: spec.repeatable,
    ...(spec.default !== undefined && { default: plain(spec.default) }),
    runtime: isRuntimeOption(option),
  }));
  return { name, doc, wants, provides, options: described };
}

function edgesOf({ wants, provides }: UdfDefinition): string {
  return `${wants} -> ${provides}`;
}

function isRuntimeOption(name: string): boolean {
  return Object.hasOwn(runtimeOptions, name);
}

const headings = ['option', 'default', 'what it does'] as const;
/** Four lines between and around three cells, each with a space on both sides. */
const bordersWidth = 10;
const minDocWidth = 24;

function table(options: OptionSpecs, width: number): string {
  const rows = Object.entries(options).map(([name, spec]) => [
    `.${name}(${spec.args.map(({ type }) => type).join(', ')})`,
    defaultOf(spec),
    [spec.doc, ...rulesOf(spec)].join(' '),
  ]);
  const [call, preset] = [0, 1].map((column) =>
    columnWidth([headings[column]!, ...rows.map((row) => row[column]!)]),
  ) as [number, number];
  const doc = Math.max(width - call - preset - bordersWidth, minDocWidth);
  const drawn = new Table({
    head: [...headings],
    colWidths: [call + 2, preset + 2, doc + 2],
    wordWrap: true,
    style: { head: [], border: [] }, // no colours
  });
  drawn.push(...rows);
  return drawn.toString();
}

function columnWidth(cells: readonly string[]): number {
  return Math.max(0, ...cells.map((cell) => cell.length));
}

function cutTo(width: number, line: string): string {
  return line.length <= width ? line : `${line.slice(0, width - 1).trimEnd()}…`;
}

function defaultOf(spec: OptionSpec): string {
  if (spec.required) return '(required)';
  if (spec.repeatable || spec.shape === 'flag' || spec.default === undefined) return '';
  return literal(spec.args[0]?.type ?? 'bool', spec.default);
}

/** The rules for values beyond their types. */
function rulesOf(spec: OptionSpec): string[] {
  const rules = spec.args.flatMap((argument) => {
    const { type, min, max, oneOf } = argument;
    return [
      ...(min !== undefined ? [`At least ${literal(type, min)}.`] : []),
      ...(max !== undefined ? [`At most ${literal(type, max)}.`] : []),
      ...(oneOf ? [`One of ${oneOf.map((choice) => literal(type, choice)).join(', ')}.`] : []),
    ];
  });
  return spec.repeatable ? [...rules, 'May be repeated.'] : rules;
}

/** A value as a TICKscript writes it. */
function literal(type: Argument['type'], value: unknown): string {
  if (typeof value === 'bigint') return type === 'int' ? String(value) : formatDuration(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (type === 'double' && Number.isInteger(value)) return (value as number).toFixed(1);
  return type === 'string' ? `'${String(value)}'` : String(value);
}
