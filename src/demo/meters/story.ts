import { writeChartPage } from '../../files/chart-page.js';
import type { DemoHost } from '../demo-host.js';
import { findLoadAlerts, findVoltageAlerts, loadAlertsText, voltageAlertsText } from './alerts.js';
import { type Fetched, fetchFeed, fetchVoltages, gridCommand } from './fetch-feed.js';
import { compareForecast, forecastLoad, forecastText, outcomeText } from './forecast.js';
import { meterPage } from './page.js';
import { predictionText, predictVoltage } from './prediction.js';
import { computeTotals, totalsBy, totalsText } from './totals.js';
import { type DemoUtility, startUtility } from './utility.js';

/** When the feed is fetched: the second time of 1 April, nothing is new. */
const fetchDates = ['2026-03-22T12:00', '2026-04-01T12:00', '2026-04-01T13:00'];
/** When the hours of the forecast have been measured. */
const laterDate = '2026-04-03T12:00';

/**
 * Fetches the Green Button feed and the voltages of a made-up office; yields, as text, the totals, alerts, predictions and
 * forecasts that the UDFs make of them. Writes it all to the page `html`, if one is named.
 */
export async function* showMeters(host: DemoHost, html?: string): AsyncGenerator<string> {
  const utility = await startUtility();
  try {
    const fetches: Fetched[] = [];
    for (const date of fetchDates) fetches.push(await fetchFeed(host, utility, date));
    yield feedText(utility, fetches);

    const readings = fetches.flatMap((fetched) => fetched.readings);
    const totals = await computeTotals(host, readings);
    yield totalsText(totals);
    const loadAlerts = await findLoadAlerts(host, readings);
    yield loadAlertsText(loadAlerts);

    const volts = await fetchVoltages(host, utility);
    const voltageAlerts = await findVoltageAlerts(host, volts);
    yield voltageAlertsText(voltageAlerts, gridCommand);
    const prediction = await predictVoltage(host, volts, voltageAlerts);
    yield predictionText(prediction);

    const forecast = await forecastLoad(host, await totalsBy(host, 'hour', readings));
    yield forecastText(forecast);
    const later = await fetchFeed(host, utility, laterDate);
    const outcome = compareForecast(forecast, await totalsBy(host, 'hour', later.readings));
    yield ['What was measured in these hours:', `  ${later.text}`, outcomeText(outcome)].join('\n');

    if (html === undefined) return;
    fetches.push(later);
    const story = { fetches, totals, loadAlerts, volts, voltageAlerts, prediction, forecast, outcome };
    await writeChartPage(html, meterPage(story));
    yield `The page of results is written: ${html}`;
  } finally {
    utility.close();
  }
}

function feedText(utility: DemoUtility, fetches: readonly Fetched[]): string {
  return [
    'A utility publishes the Green Button feed of a made-up office, a day each',
    'night. This command writes what is new into a database:',
    `  kapacitor-udf feed --poll ${utility.feedUrl}`,
    `    --resume feed.json --url '${utility.databaseUrl}'`,
    ...fetches.map(({ text }) => `  ${text}`),
  ].join('\n');
}
