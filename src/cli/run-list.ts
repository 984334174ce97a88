import Table from 'cli-table3';
import type { UdfDefinition } from '../udf/definition.js';
import { formatDuration } from '../model/duration.js';
import type { Argument, OptionSpec, OptionSpecs } from '../udf/option.js';
import { runtimeOptions } from '../udf/runtime-options.js';
import { availableUdfs, chooseUdfs } from './available-udfs.js';
import type { LoadOptions, LogOptions } from './options.js';
import { print, printJson } from './print.js';

export interface ListOptions extends LoadOptions, LogOptions {
  readonly json?: true;
}

/** Prints UDFs with their options. */
export async function runList(names: readonly string[], options: ListOptions): Promise<void> {
  const udfs = chooseUdfs(await availableUdfs(options.load), names);
  if (options.json) await printJson(udfs.map(described));
  else await print([...udfs.map(section), `Every UDF also has\n${table(runtimeOptions)}`].join('\n\n'));
}

function section(udf: UdfDefinition): string {
  const own = Object.fromEntries(Object.entries(udf.options).filter(([name]) => !isRuntimeOption(name)));
  const title = `@${udf.name}()  ${udf.wants} -> ${udf.provides}`;
  const lines = udf.doc === '' ? [title] : [title, udf.doc];
  return [...lines, Object.keys(own).length > 0 ? table(own) : 'It has no options of its own.'].join('\n');
}

function isRuntimeOption(name: string): boolean {
  return Object.hasOwn(runtimeOptions, name);
}

function table(options: OptionSpecs): string {
  const rows = Object.entries(options).map(([name, spec]) => [
    `.${name}(${spec.args.map(({ type }) => type).join(', ')})`,
    defaultOf(spec),
    [spec.doc, ...rulesOf(spec)].join(' '),
  ]);
  const [call, preset] = [0, 1].map((column) =>
    Math.max(...rows.map((row) => row[column]!.length), headings[column]!.length),
  ) as [number, number];
  const doc = Math.max(lineWidth() - call - preset - bordersWidth, 30);
  const drawn = new Table({
    head: headings,
    colWidths: [call + 2, preset + 2, doc + 2],
    wordWrap: true,
    style: { head: [], border: [] }, // no colours
  });
  drawn.push(...rows);
  return drawn.toString();
}

const headings = ['option', 'default', ''];
/** Four lines between and around three cells, each with a space on both sides. */
const bordersWidth = 10;

function lineWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns : 110;
}

function defaultOf(spec: OptionSpec): string {
  if (spec.required) return '(required)';
  if (spec.repeatable || spec.default === undefined) return '';
  return shown(spec.args[0]?.type ?? 'bool', spec.default);
}

/** What the values must be, beyond their types. */
function rulesOf(spec: OptionSpec): string[] {
  const rules = spec.args.flatMap((argument) => {
    const { type, min, max, oneOf } = argument;
    return [
      ...(min !== undefined ? [`At least ${shown(type, min)}.`] : []),
      ...(max !== undefined ? [`At most ${shown(type, max)}.`] : []),
      ...(oneOf ? [`One of ${oneOf.map((choice) => shown(type, choice)).join(', ')}.`] : []),
    ];
  });
  return spec.repeatable ? [...rules, 'May be repeated.'] : rules;
}

/** A value as a TICKscript writes it. */
function shown(type: Argument['type'], value: unknown): string {
  if (typeof value === 'bigint') return formatDuration(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (type === 'double' && Number.isInteger(value)) return (value as number).toFixed(1);
  return type === 'string' ? `'${String(value)}'` : String(value);
}

/** A UDF as `--json` prints it; durations are written as in a TICKscript. */
function described({ name, doc, wants, provides, options }: UdfDefinition): object {
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
