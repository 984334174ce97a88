import { messageOf } from '../../model/errors.js';
import type { Point } from '../../model/point.js';
import { ProtocolFailure } from '../../peer/protocol-failure.js';
import { sparkline } from '../average.js';
import type { DemoHost } from '../demo-host.js';
import type { RecordedPoint } from '../recordings.js';
import { type Alert, maxVolts, minVolts } from './alerts.js';
import { buildingZone } from './building.js';
import { dayAndTime, localTime, runOnPoints, secondsOf } from './run-udf.js';
import { percent } from './totals.js';

/** What the classifier says of the hour after each reading, and how right it was. */
export interface Prediction {
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  /** Probability that the voltage leaves its band within an hour. */
  readonly probabilities: readonly number[];
  /** Share of the readings for which the prediction came true, and for which the next hour was as the last one. */
  readonly right: number;
  readonly rightAsHourAgo: number;
  readonly warnings: readonly Warning[];
}

/** For an alert about the voltage: how long before it the classifier said so. */
export interface Warning {
  readonly alert: Alert;
  /** Undefined if it did not, as with a sudden fault. */
  readonly minutesBefore: number | undefined;
}

const hour = 3600;
const average = ".field('voltage').period(1h).as('hour_mean').keep(TRUE)";
const features = ['voltage', 'hour_mean', 'hourSin', 'hourCos', 'isWeekend'];
const model = `.model('voltage').zone('${buildingZone}')`;
const results = ".as('next_hour').probability('outside', 'outside')";
const predictOptions = `${model}${features.map((name) => `.feature('${name}')`).join('')}${results}`;

export const predictCalls = [`@movingAverage()${average}`, `@predict()${predictOptions}`];

/** Without ONNX Runtime there is no prediction, and the reason instead. */
export async function predictVoltage(
  host: DemoHost,
  volts: readonly RecordedPoint[],
  alerts: readonly Alert[],
): Promise<Prediction | string> {
  const averaged = await runOnPoints(host, 'movingAverage', average, volts);
  try {
    return assess(await runOnPoints(host, 'predict', predictOptions, averaged), alerts);
  } catch (error) {
    const isRefusal = error instanceof ProtocolFailure && error.rule === 'init-refused';
    const reason = isRefusal ? error.detail : messageOf(error);
    if (isRefusal && reason.includes('ONNX Runtime')) return reason;
    throw error;
  }
}

function assess(points: readonly Point[], alerts: readonly Alert[]): Prediction {
  const times = points.map(({ time }) => secondsOf(time));
  const probabilities = points.map((point) => Number(point.field('outside')));
  const isOutside = points.map((point) => {
    const voltage = Number(point.field('voltage'));
    return voltage < minVolts || voltage > maxVolts;
  });
  const end = times.at(-1)!;
  let judged = 0;
  let right = 0;
  let rightAsHourAgo = 0;
  for (const [index, time] of times.entries()) {
    if (time < times[0]! + hour || time + hour > end) continue;
    const within = (from: number, to: number): boolean =>
      times.some((other, at) => other > from && other <= to && isOutside[at]);
    const next = within(time, time + hour);
    judged++;
    if (probabilities[index]! > 0.5 === next) right++;
    if (within(time - hour, time) === next) rightAsHourAgo++;
  }
  return {
    times,
    probabilities,
    right: right / judged,
    rightAsHourAgo: rightAsHourAgo / judged,
    warnings: alerts.map((alert) => ({
      alert,
      minutesBefore: minutesOfWarning(times, probabilities, alert.start),
    })),
  };
}

/** How long the classifier has said so without a break when an alert's state began. */
function minutesOfWarning(
  times: readonly number[],
  probabilities: readonly number[],
  start: number,
): number | undefined {
  const at = times.findLastIndex((time) => time < start);
  let first = at + 1;
  while (first > 0 && probabilities[first - 1]! > 0.5) first--;
  return first > at ? undefined : Math.round((start - times[first]!) / 60);
}

export function describeWarning({ minutesBefore }: Warning): string {
  return minutesBefore === undefined ? 'not foreseen' : `foreseen ${minutesBefore} min before`;
}

export function describeRight({ right, rightAsHourAgo }: Prediction): string {
  return `It was right for ${percent(right)} of the readings; “as in the last hour” for ${percent(rightAsHourAgo)}.`;
}

export function predictionText(prediction: Prediction | string): string {
  const calls = [
    `@movingAverage()${average}`,
    `@predict()${model}`,
    `  ${features.map((name) => `.feature('${name}')`).join('')}`.replace(
      ".feature('hourCos')",
      "\n  .feature('hourCos')",
    ),
    `  ${results}`,
  ];
  if (typeof prediction === 'string') return [...calls, `is left out: ${prediction}`].join('\n');
  return [
    ...calls,
    'the probability that voltage leaves its band within an hour, its highest',
    'value of each three hours of the week:',
    `  ${sparkline(highest(prediction, 3 * hour), { min: 0, max: 1 })}`,
    ...prediction.warnings.map(
      (warning) =>
        `  ${localTime(warning.alert.start, dayAndTime).padEnd(17)}  ${warning.alert.text}: ${describeWarning(warning)}`,
    ),
    describeRight(prediction),
  ].join('\n');
}

/** The highest probability of each span of time. */
function highest({ times, probabilities }: Prediction, seconds: number): number[] {
  const spans: number[] = [];
  for (const [index, time] of times.entries()) {
    const span = Math.floor((time - times[0]!) / seconds);
    spans[span] = Math.max(spans[span] ?? 0, probabilities[index]!);
  }
  return spans;
}
