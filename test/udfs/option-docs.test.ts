import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { UdfDefinition } from '../../src/udf/definition.js';
import { formatDuration } from '../../src/model/duration.js';
import type { OptionType } from '../../src/model/option-call.js';
import type { OptionSpec } from '../../src/udf/option.js';
import { bundledUdfs } from '../../udfs/index.js';

const folders: Readonly<Record<string, string>> = {
  calendarTotals: 'calendar-totals',
  edgeDetect: 'edge-detect',
  forecast: 'forecast',
  forecastBatch: 'forecast-batch',
  movingAverage: 'moving-average',
  mirror: 'mirror',
  mirrorBatch: 'mirror-batch',
  outliers: 'outliers',
  predict: 'predict',
};

describe.each(bundledUdfs.map((udf) => ({ name: udf.name, udf })))('the README of $name', ({ name, udf }) => {
  const readme = readFileSync(new URL(`../../udfs/${folders[name]!}/README.md`, import.meta.url), 'utf8');

  it('begins with its name and what it does', () => {
    expect(readme.split('\n').slice(0, 3)).toEqual([`# ${name}`, '', udf.doc]);
  });

  it('lists every option as it is defined', () => {
    expect(tableUnder('## Options', readme)).toEqual([
      ['option', 'type', 'default', 'what it does'],
      ...Object.entries(udf.options).map(([option, spec]) => [
        `\`${option}\``,
        typeOf(spec),
        defaultOf(spec),
        spec.doc,
      ]),
    ]);
  });

  it('has a TICKscript that calls it, with options that it has', () => {
    const scripts = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, script]) => script!);
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) {
      const calls = optionsCalled(script, udf);
      expect(calls.filter((option) => !Object.hasOwn(udf.options, option))).toEqual([]);
    }
  });
});

it('every bundled UDF has a folder, and its name is its own', () => {
  expect(bundledUdfs.map(({ name }) => name).sort()).toEqual(Object.keys(folders).sort());
});

/** The cells of the first table under a heading, without the line that separates its head. */
function tableUnder(heading: string, markdown: string): string[][] {
  const section = markdown.split(`\n${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows
    .filter((_, index) => index !== 1)
    .map((row) =>
      row
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** What is called on the UDF's node: from `@name()` up to the next node. */
function optionsCalled(script: string, { name }: UdfDefinition): string[] {
  const [, node] = script.split(`@${name}()`);
  expect(node).toBeDefined();
  return [...node!.split(/[|@]/)[0]!.matchAll(/\.(\w+)\(/g)].map(([, option]) => option!);
}

function typeOf({ args, repeatable }: OptionSpec): string {
  const texts = args.map(({ type, min, max, oneOf }) =>
    [
      oneOf ? oneOf.map((choice) => `\`'${choice}'\``).join(', ') : type,
      ...(min === undefined ? [] : [`at least ${shown(type, min)}`]),
      ...(max === undefined ? [] : [`at most ${shown(type, max)}`]),
      ...(repeatable ? ['repeatable'] : []),
    ].join(', '),
  );
  return texts.length === 0 ? 'no argument' : texts.join('; ');
}

function defaultOf(spec: OptionSpec): string {
  if (spec.required) return 'required';
  if (spec.repeatable || spec.shape === 'flag' || spec.default === undefined) return '';
  return `\`${shown(spec.args[0]?.type ?? 'bool', spec.default)}\``;
}

/** A value as a TICKscript writes it. */
function shown(type: OptionType, value: unknown): string {
  if (typeof value === 'bigint') return formatDuration(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (type === 'double' && Number.isInteger(value)) return (value as number).toFixed(1);
  return type === 'string' ? `'${String(value)}'` : String(value);
}
