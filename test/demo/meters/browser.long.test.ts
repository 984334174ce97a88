import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { meterPage, type MeterStory } from '../../../src/demo/meters/page.js';
import { renderChartPage } from '../../../src/files/chart-page.js';
import { desktop, needsBrowser, openOffline, phone, useBrowser } from '../../support/browser.js';
import { smallStory } from './support/story.js';

const { missing, title } = needsBrowser('the page of a metered building in Chromium');

/** The charts, with the colour of what each must show. */
const colourOf = {
  'load-chart': '--line',
  'days-chart': '--line',
  'voltage-chart': '--line',
  'prediction-chart': '--second',
  'forecast-chart': '--second',
};
const charts = Object.keys(colourOf);

describe.skipIf(missing)(title, () => {
  const browser = useBrowser();

  const open = (options: BrowserContextOptions, parts: Partial<MeterStory> = {}): Promise<Page> =>
    openOffline(browser(), renderChartPage(meterPage(smallStory(parts))), options);

  /** The charts that have pixels of their colour. */
  function drawnCharts(page: Page): Promise<string[]> {
    return page.evaluate(`plots.filter(({ plot, place }) => {
      const { left, top, width, height } = plot.bbox;
      const { data } = plot.ctx.getImageData(left, top, width, height);
      const colour = style(${JSON.stringify(colourOf)}[place.id]).slice(1).match(/../g).map((hex) => parseInt(hex, 16));
      let pixels = 0;
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] === 255 && colour.every((value, part) => Math.abs(data[at + part] - value) < 8)) pixels++;
      return pixels > 20;
    }).map(({ place }) => place.id)`);
  }

  test.each([
    ['a desktop', 'light', desktop, 1000],
    ['a desktop', 'dark', desktop, 1000],
    ['a phone', 'light', phone, 360],
    ['a phone', 'dark', phone, 360],
  ] as const)('draws every chart on %s, %s, and fits its width', async (_on, colorScheme, options, width) => {
    const page = await open({ ...options, colorScheme });
    expect(await drawnCharts(page)).toEqual(charts);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  });

  test('shades the bands of the forecast, the inner one more', async () => {
    const page = await open(desktop);
    const [outside, outer, inner] = await page.evaluate<number[]>(`(() => {
      const { plot } = plots.find(({ place }) => place.id === 'forecast-chart');
      const x = plot.valToPos(data.forecast.at(-1).time - 12 * 3600, 'x', true);
      return [16, 13.5, 11].map((kw) =>
        plot.ctx.getImageData(Math.round(x), Math.round(plot.valToPos(kw, 'y', true)), 1, 1).data[3]);
    })()`);
    expect(outside).toBe(0);
    expect(outer).toBeGreaterThan(20);
    expect(inner).toBeGreaterThan(outer! + 20);
  });

  test('draws again in the colours of the other theme', async () => {
    const page = await open(desktop);
    const stroke = (): Promise<string> => page.evaluate('plots[0].plot.series[1].stroke()');
    const light = await stroke();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(stroke).not.toBe(light);
    expect(await page.locator('canvas').count()).toBe(charts.length);
  });

  test('shows what is under the mouse, by the clock of the building', async () => {
    const page = await open(desktop);
    const over = page.locator('#days-chart .u-over');
    await over.scrollIntoViewIfNeeded();
    const box = (await over.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.3, box.y + 20);
    await expect
      .poll(() => page.locator('#days-chart .u-legend').innerText())
      .toMatch(/Mon,? 30 Mar,? (?:at )?00:00\s*kWh:?\s*240\.00/);
  });

  test('has a name for every chart, and a table that can be reached by keyboard', async () => {
    const page = await open(desktop);
    for (const chart of charts) {
      const label = await page.locator(`#${chart}`).getAttribute('aria-label');
      expect(label!.length, chart).toBeGreaterThan(10);
    }
    expect(await page.getByRole('table').count()).toBeGreaterThanOrEqual(5);
    expect(await page.getByRole('region', { name: 'By month' }).getAttribute('tabindex')).toBe('0');
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
  });

  test('draws the rest without a prediction', async () => {
    const page = await open(desktop, { prediction: 'ONNX Runtime is not installed' });
    expect(await drawnCharts(page)).toEqual(charts.filter((id) => id !== 'prediction-chart'));
    expect(await page.locator('#no-prediction').innerText()).toBe('Left out: ONNX Runtime is not installed');
  });
});
