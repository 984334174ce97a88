import { type ChartPage, escapeHtml } from '../../files/chart-page.js';
import type { RecordedPoint } from '../recordings.js';
import { type Alert, lasted, loadCalls, maxVolts, minVolts, voltageCalls } from './alerts.js';
import { buildingZone } from './building.js';
import { type Fetched, gridCommand } from './fetch-feed.js';
import {
  describeOutcome,
  type Forecast,
  forecastCall,
  forecastCells,
  forecastHeads,
  type Outcome,
  shownHours,
} from './forecast.js';
import { describeRight, describeWarning, predictCalls, type Prediction } from './prediction.js';
import { dayAndTime, localTime, secondsOf } from './run-udf.js';
import {
  dayName,
  describeCorrections,
  monthName,
  totalCells,
  totalHeads,
  type Totals,
  totalsCall,
} from './totals.js';

/** All that was measured and computed of the building. */
export interface MeterStory {
  readonly fetches: readonly Fetched[];
  readonly totals: Totals;
  readonly loadAlerts: readonly Alert[];
  readonly volts: readonly RecordedPoint[];
  readonly voltageAlerts: readonly Alert[];
  /** The reason, if there is none. */
  readonly prediction: Prediction | string;
  readonly forecast: Forecast;
  readonly outcome: Outcome;
}

/** What the page's script draws: for each chart its times, in seconds, and a list of values for each line. */
export interface MeterPageData {
  readonly zone: string;
  readonly band: { readonly min: number; readonly max: number };
  readonly load: { readonly times: readonly number[]; readonly kw: readonly number[] };
  readonly loadAlerts: readonly PageAlert[];
  readonly days: { readonly times: readonly number[]; readonly kWh: readonly number[] };
  readonly voltage: { readonly times: readonly number[]; readonly volts: readonly number[] };
  readonly voltageAlerts: readonly PageAlert[];
  readonly prediction: {
    readonly times: readonly number[];
    readonly probabilities: readonly number[];
  } | null;
  readonly forecast: readonly ForecastRow[];
}

interface PageAlert {
  readonly kind: Alert['kind'];
  readonly start: number;
  readonly end: number | null;
}

/** An hour before or in the forecast. */
interface ForecastRow {
  readonly time: number;
  readonly before: number | null;
  readonly later: number | null;
  readonly kw: number | null;
  readonly interval80: readonly number[] | null;
  readonly interval95: readonly number[] | null;
}

/** Of the hours before a forecast, four days are drawn. */
const historyHours = 96;

/** The results of a metered building as one page. */
export function meterPage(story: MeterStory): ChartPage {
  return {
    title: 'A metered building · kapacitor-udf',
    body: bodyOf(story),
    data: pageData(story),
    assets: new URL('assets/', import.meta.url),
  };
}

function pageData(story: MeterStory): MeterPageData {
  const { totals, volts, prediction, forecast, outcome } = story;
  // As a database keeps them: in order of time, whenever they came.
  const readings = story.fetches
    .flatMap((fetched) => fetched.readings)
    .map(({ time, fields }) => ({ time: secondsOf(time), kw: (Number(fields.value) * 4) / 1000 }))
    .sort((a, b) => a.time - b.time);
  const measured = new Map(outcome.measured.map(({ start, kWh }) => [start, kWh]));
  return {
    zone: buildingZone,
    band: { min: minVolts, max: maxVolts },
    load: { times: readings.map(({ time }) => time), kw: readings.map(({ kw }) => kw) },
    loadAlerts: story.loadAlerts.map(pageAlert),
    days: { times: totals.days.map(({ start }) => start), kWh: totals.days.map(({ kWh }) => kWh) },
    voltage: {
      times: volts.map(({ time }) => secondsOf(time)),
      volts: volts.map(({ fields }) => Number(fields.voltage)),
    },
    voltageAlerts: story.voltageAlerts.map(pageAlert),
    prediction:
      typeof prediction === 'string'
        ? null
        : { times: prediction.times, probabilities: prediction.probabilities },
    forecast: [
      ...forecast.history.slice(-historyHours).map(({ start, kWh }): ForecastRow => ({
        time: start,
        before: kWh,
        later: null,
        kw: null,
        interval80: null,
        interval95: null,
      })),
      ...forecast.hours.map(({ start, kw, interval80, interval95 }): ForecastRow => ({
        time: start,
        before: null,
        later: measured.get(start) ?? null,
        kw,
        interval80: interval80 ?? null,
        interval95: interval95 ?? null,
      })),
    ],
  };
}

function pageAlert({ kind, start, end }: Alert): PageAlert {
  return { kind, start, end: end ?? null };
}

function bodyOf(story: MeterStory): string {
  const { totals, loadAlerts, voltageAlerts, prediction, forecast, outcome } = story;
  return [
    '<header>',
    '<h1>A metered building</h1>',
    paragraph(
      'A made-up office in New York: its utility publishes a Green Button feed of 15-minute readings. ' +
        'Everything below was computed by the bundled UDFs of kapacitor-udf, over sockets, as Kapacitor would run them.',
    ),
    '</header>',
    '<main>',
    section('load', 'Measured', [
      code(['kapacitor-udf feed --poll URL --resume feed.json']),
      list(story.fetches.map(({ text }) => text)),
      figure('load-chart', 'Load of the office in kW, each 15 minutes. Shaded: the alerts below.'),
      code(loadCalls),
      alertTable(
        'More than 30 kW for half an hour, and no reading for an hour',
        loadAlerts.map((alert) => alertCells(alert)),
      ),
    ]),
    section('totals', 'Totals of the calendar', [
      code([totalsCall]),
      figure('days-chart', 'Energy of each day in kWh.'),
      ...describeCorrections(totals).map(paragraph),
      table(
        'By month',
        ['month', ...totalHeads],
        totals.months.map((month) => [monthName(month), ...totalCells(month)]),
      ),
      details(
        'By day',
        table(
          'By day',
          ['day', ...totalHeads],
          totals.days.map((day) => [dayName(day), ...totalCells(day)]),
        ),
      ),
    ]),
    section('voltage', 'Voltage', [
      code([`kapacitor-udf ${gridCommand}`, ...voltageCalls]),
      figure(
        'voltage-chart',
        'Voltage at the meter in the last week of March, with its band of 230 V ± 10 %. Shaded: the alerts below.',
      ),
      alertTable(
        'Out of the band for ten minutes',
        voltageAlerts.map((alert) => alertCells(alert)),
      ),
    ]),
    section('prediction', 'Prediction', [
      code(predictCalls),
      ...(typeof prediction === 'string'
        ? [`<p id="no-prediction"><strong>Left out:</strong> ${escapeHtml(prediction)}</p>`]
        : [
            figure(
              'prediction-chart',
              'Probability that the voltage leaves its band within an hour, as the bundled classifier says at each reading.',
            ),
            paragraph(describeRight(prediction)),
            table(
              'The alerts, and whether they were foreseen',
              ['since', 'what', 'foreseen'],
              prediction.warnings.map((warning) => [
                localTime(warning.alert.start, dayAndTime),
                warning.alert.text,
                describeWarning(warning),
              ]),
            ),
          ]),
    ]),
    section('forecast', 'Forecast', [
      code([forecastCall]),
      figure(
        'forecast-chart',
        'Load of each hour in kW: four days as measured, then 48 hours as forecast, with intervals of 80 % and 95 %, and as ' +
          'measured later.',
      ),
      paragraph(describeOutcome(outcome)),
      table(
        'The methods that the back-test picked, with their mean absolute error',
        forecastHeads,
        shownHours(forecast).map(forecastCells),
      ),
      details(
        'Each hour',
        table('Each hour of the forecast', forecastHeads, forecast.hours.map(forecastCells)),
      ),
    ]),
    '</main>',
    `<footer>${paragraph(`Times are those of ${buildingZone}.`)}</footer>`,
  ].join('\n');
}

function alertCells(alert: Alert): string[] {
  return [localTime(alert.start, dayAndTime), alert.text, lasted(alert)];
}

function alertTable(caption: string, rows: readonly (readonly string[])[]): string {
  return table(caption, ['since', 'what', 'lasted'], rows);
}

// What follows takes text and escapes it, except for what is named markup.

function section(id: string, title: string, markup: readonly string[]): string {
  return `<section id="${id}" aria-labelledby="${id}-title">\n<h2 id="${id}-title">${escapeHtml(title)}</h2>\n${markup.join('\n')}\n</section>`;
}

function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`;
}

function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`;
}

function code(lines: readonly string[]): string {
  return `<pre tabindex="0"><code>${escapeHtml(lines.join('\n'))}</code></pre>`;
}

function figure(id: string, caption: string): string {
  return `<figure><div class="chart" id="${id}" role="img" aria-label="${escapeHtml(caption)}"></div><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function details(summary: string, markup: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>${markup}</details>`;
}

function table(caption: string, heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('');
  const body = rows.map(([name = '', ...cells]) => {
    const rest = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('');
    return `<tr><th scope="row">${escapeHtml(name)}</th>${rest}</tr>`;
  });
  return (
    `<div class="table" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table>` +
    `<caption>${escapeHtml(caption)}</caption><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
  );
}
