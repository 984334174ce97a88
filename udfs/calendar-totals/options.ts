import { formatDuration, lateOptions, option, type OptionValues } from 'kapacitor-udf';
import { periodKind, periodNames, weekdays } from './calendar.js';
import { zoneProblem } from '../shared/zone-names.js';

/** An aggregate of a field: `.sum('kwh', 'total')`. */
function aggregate(what: string) {
  return option.tuple(
    [option.field({ doc: 'Field to aggregate.' }), option.field({ doc: 'Field of the result.' })],
    {
      repeatable: true,
      doc: `${what}: the field to aggregate, then the field that gets the result.`,
    },
  );
}

export const options = {
  by: option.string({
    required: true,
    doc: "The period: 'hour', 'day', 'week', 'month', 'quarter', 'year', or minutes that divide an hour, as '15m'.",
  }),
  zone: option.string({ default: 'UTC', doc: "IANA time zone of the periods, as 'Europe/Berlin'." }),
  weekStart: option.string({ oneOf: weekdays, default: 'monday', doc: 'The first day of a week.' }),
  sum: aggregate('Sum'),
  mean: aggregate('Mean'),
  min: aggregate('Least number'),
  max: aggregate('Greatest number'),
  last: aggregate('Newest value, of any type'),
  count: aggregate('Number of values'),
  integral: aggregate('Integral over time, such as energy from power'),
  unit: option.duration({
    default: '1h',
    min: '1ns',
    doc: 'What integral counts time in: 1h makes kWh of kW.',
  }),
  interval: option.duration({ min: '1ns', doc: 'Length of the interval that a point stands for.' }),
  stamp: option.string({
    oneOf: ['start', 'end'],
    default: 'start',
    doc: "Whether a point's time is the start or the end of its interval.",
  }),
  split: option.flag({
    doc: 'Divide intervals that reach over a boundary in proportion; else each counts where it begins.',
  }),
  maxGap: option.duration({
    min: '1ns',
    doc: 'Without interval: integrate along straight lines between points that are at most so far apart.',
  }),
  keep: option.duration({
    default: '0s',
    min: '0s',
    doc: 'Keep closed periods for this long after their end: late points correct them, and they are emitted again.',
  }),
  every: option.duration({
    min: '1s',
    doc: "Emit the period's total so far with the first point of each such span.",
  }),
  closeAfter: option.duration({
    min: '1ms',
    doc: 'Close a period also by the clock: once it is over and no point of it has come for this long.',
  }),
  emitAtStop: option.bool({
    default: true,
    doc: 'Emit open periods when the task stops, marked as partial.',
  }),
  onMissing: option.string({
    oneOf: ['skip', 'error'],
    default: 'skip',
    doc: 'When a point has no value in one of the fields: leave that out, or fail.',
  }),
  expectedAs: option.field({
    default: 'expected',
    doc: 'With interval: field that gets how many intervals the period has.',
  }),
  missingAs: option.field({
    default: 'missing',
    doc: 'With interval or maxGap: field that gets the share of the period without values, from 0 to 1.',
  }),
  partialAs: option.field({
    default: 'partial',
    doc: 'Field that gets whether the period was still open: its total so far.',
  }),
  revisionAs: option.field({
    default: 'revision',
    doc: 'Field that gets how often the closed period was emitted before: 0, then 1 for its first correction.',
  }),
  periodTag: option.tag({ default: 'period', doc: 'Tag that gets the kind of period, as by says.' }),
  zoneTag: option.tag({ default: 'zone', doc: 'Tag that gets the time zone.' }),
  ...lateOptions,
};

export type Options = OptionValues<typeof options>;

export const aggregateNames = ['sum', 'mean', 'min', 'max', 'last', 'count', 'integral'] as const;

/** Options that what is accumulated does not depend on. */
export const laterOptions = [
  'unit',
  'keep',
  'every',
  'closeAfter',
  'emitAtStop',
  'onMissing',
  'expectedAs',
  'missingAs',
  'partialAs',
  'revisionAs',
  'periodTag',
  'zoneTag',
  'maxLatePoints',
  'maxLateTime',
] as const;

/** Max periods that one point may reach over, and that are kept for corrections. */
const maxPeriods = 1_000;

/** Returns problems of the combination of options. */
export function problemsOf(given: Options): string[] {
  const { by, zone, interval, maxGap, integral, split, periodTag, zoneTag } = given;
  const problems: string[] = [];
  const kind = periodKind(by);
  if (kind === undefined) {
    const names = periodNames.map((name) => `'${name}'`).join(', ');
    problems.push(`.by() must be ${names}, or minutes that divide an hour such as '15m', got '${by}'`);
  }
  const unknownZone = zoneProblem(zone);
  if (unknownZone !== undefined) problems.push(`.zone(): ${unknownZone}`);

  if (aggregateNames.every((name) => given[name].length === 0)) {
    problems.push(`one of ${aggregateNames.map((name) => `.${name}()`).join(', ')} is required`);
  }
  for (const name of repeated(outputs(given))) problems.push(`two options write the field '${name}'`);
  if (periodTag === zoneTag) problems.push(`.periodTag() and .zoneTag() write the same tag '${zoneTag}'`);

  if (integral.length > 0 && interval === undefined && maxGap === undefined) {
    problems.push('.integral() needs .interval() or .maxGap()');
  }
  if (interval !== undefined && maxGap !== undefined) {
    problems.push('.interval() and .maxGap() exclude each other');
  }
  if (maxGap !== undefined && integral.length === 0) problems.push('.maxGap() needs .integral()');
  if (split && interval === undefined) problems.push('.split() needs .interval()');

  if (kind !== undefined) {
    const max = BigInt(maxPeriods * kind.minSeconds) * 1_000_000_000n;
    for (const name of ['interval', 'maxGap', 'keep'] as const) {
      const duration = given[name];
      if (duration === undefined || duration <= max) continue;
      problems.push(
        `.${name}() may span at most ${maxPeriods} periods of .by('${by}'), got ${formatDuration(duration)}`,
      );
    }
  }
  return problems;
}

/** The fields that are written. */
function outputs(given: Options): string[] {
  const { interval, maxGap, expectedAs, missingAs, partialAs, revisionAs } = given;
  return [
    ...aggregateNames.flatMap((name) => given[name].map(([, as]) => as)),
    ...(interval === undefined ? [] : [expectedAs]),
    ...(interval === undefined && maxGap === undefined ? [] : [missingAs]),
    partialAs,
    revisionAs,
  ];
}

function repeated(names: readonly string[]): Set<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}
