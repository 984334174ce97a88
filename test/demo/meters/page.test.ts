import { describe, expect, test } from 'vitest';
import { meterPage } from '../../../src/demo/meters/page.js';
import { renderChartPage } from '../../../src/files/chart-page.js';
import { smallStory } from './support/story.js';

/** The text of cells, row by row, of the table with a caption. */
function rowsOf(html: string, caption: string): string[][] {
  const table = html.slice(html.indexOf(`<caption>${caption}</caption>`)).split('</table>')[0]!;
  return table
    .split('</tr>')
    .map((row) => [...row.matchAll(/<t[hd](?: [^>]*)?>([^<]*)</g)].map(([, cell = '']) => cell))
    .filter((row) => row.length > 0);
}

describe('the page of a metered building', () => {
  const html = renderChartPage(meterPage(smallStory()));

  test('has the totals of days and months in tables, with what is missing and how often they were corrected', () => {
    const heads = ['kWh', 'peak kW', 'intervals', 'missing', 'corrections'];
    expect(rowsOf(html, 'By month')).toEqual([
      ['month', ...heads],
      ['March 2026', '6900.0', '690.0', '96', '0.0 %', '0'],
    ]);
    expect(rowsOf(html, 'By day')).toEqual([
      ['day', ...heads],
      ['Mon 30 Mar', '240.0', '24.0', '96', '4.1 %', '8'],
      ['Tue 31 Mar', '250.0', '25.0', '96', '0.0 %', '0'],
    ]);
    expect(html).toContain('Mon 30 Mar was 12.5 % missing when it closed; late readings made it 4.1 %.');
  });

  test('lists alerts, with how long they lasted and whether the classifier foresaw them', () => {
    expect(rowsOf(html, 'More than 30 kW for half an hour, and no reading for an hour')[1]).toEqual([
      ...['Tue 31 Mar 15:00', 'more than 30 kW', '2h'],
    ]);
    expect(rowsOf(html, 'Out of the band for ten minutes')[1]).toEqual([
      ...['Tue 31 Mar 19:00', 'below 207 V', 'to the end'],
    ]);
    expect(rowsOf(html, 'The alerts, and whether they were foreseen')[1]).toEqual([
      ...['Tue 31 Mar 19:00', 'below 207 V', 'foreseen 10 min before'],
    ]);
    expect(html).toContain('It was right for 95.0 % of the readings; “as in the last hour” for 91.0 %.');
  });

  test('has the horizons with their intervals, methods and errors, and how it came out', () => {
    expect(rowsOf(html, 'The methods that the back-test picked, with their mean absolute error')).toEqual([
      ['hour', 'ahead', 'kW', '80 %', '95 %', 'method', 'error'],
      ['Wed 1 Apr 00:00', '1h', '10.0', '8.0–12.0', '6.0–15.0', 'smoothing', '0.50'],
      ['Wed 1 Apr 05:00', '6h', '10.0', '8.0–12.0', '6.0–15.0', 'smoothing', '0.50'],
      ['Wed 1 Apr 23:00', '24h', '10.0', '8.0–12.0', '6.0–15.0', 'smoothing', '0.50'],
      ['Thu 2 Apr 23:00', '48h', '10.0', '8.0–12.0', '6.0–15.0', 'smoothing', '0.50'],
    ]);
    expect(html).toContain('Of 1 hours, 1 were within the 80 % interval and 1 within the 95 % one');
  });

  test('gives the reason if there is no prediction', () => {
    const left = renderChartPage(meterPage(smallStory({ prediction: 'ONNX Runtime is not installed' })));
    expect(left).toContain('<strong>Left out:</strong> ONNX Runtime is not installed');
    expect(left).not.toContain('prediction-chart" role');
  });

  test('takes no data for markup', () => {
    const evil = '"></script><img src=x onerror=alert(1)><script>';
    const story = smallStory();
    const page = renderChartPage(
      meterPage({
        ...story,
        fetches: [{ ...story.fetches[0]!, text: evil }],
        loadAlerts: [{ kind: 'load', start: 0, end: 60, text: evil }],
        prediction: evil,
        forecast: {
          ...story.forecast,
          hours: story.forecast.hours.map((each) => ({ ...each, method: evil })),
        },
      }),
    );
    expect(page).not.toContain('<img');
    expect(page.match(/<script[ >]/g)).toHaveLength(3); // the data, the plotting library, and the page's own
    expect(page).toContain('&lt;img src=x onerror=alert(1)>');
  });

  test('holds all that it needs, and lets it load nothing', () => {
    expect(html).not.toMatch(/(?:src|href)="?https?:/);
    expect(html).toContain(`content="default-src 'none';`);
    expect(html).toContain('<html lang="en">');
    expect(html).toContain('<title>A metered building · kapacitor-udf</title>');
  });
});
