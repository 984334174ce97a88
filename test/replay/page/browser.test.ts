import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type PagePoint, pageData } from '../../../src/replay/page/page-data.js';
import { renderPage } from '../../../src/replay/page/render-page.js';
import { needsBrowser, useBrowser } from '../../support/browser.js';
import { tempDir } from '../../support/temp-dir.js';

const { missing, title } = needsBrowser('the page of a replay in Chromium');

const seconds = (count: number): bigint => BigInt(count) * 1_000_000_000n;

/** One group with a state and what edgeDetect makes of it, one with numbers and their average. */
const states = ['IDLE', 'IDLE', 'TRAINING', 'SHOWTIME', 'SHOWTIME', 'IDLE'];
const input: PagePoint[] = [
  ...states.map((state, index) => ({ time: seconds(index * 10), group: 'host=a', fields: { state } })),
  ...[1, 2, 3].map((value, index) => ({ time: seconds(index * 25), group: 'host=b', fields: { value } })),
];
const emitted: PagePoint[] = [
  { time: seconds(20), group: 'host=a', fields: { state: 'TRAINING', previous: 'IDLE' } },
  { time: seconds(30), group: 'host=a', fields: { state: 'SHOWTIME', previous: 'TRAINING' } },
  { time: seconds(50), group: 'host=a', fields: { state: 'IDLE', previous: 'SHOWTIME' } },
  ...[1, 1.5, 2].map((avg, index) => ({ time: seconds(index * 25), group: 'host=b', fields: { avg } })),
];

describe.skipIf(missing)(title, () => {
  const browser = useBrowser();

  /** Opens the page from disk, without a network, and fails on whatever it complains of. */
  async function open(
    points: { readonly input: readonly PagePoint[]; readonly emitted: readonly PagePoint[] },
    colorScheme: 'light' | 'dark' = 'light',
  ): Promise<Page> {
    const file = join(tempDir(), 'page.html');
    writeFileSync(file, renderPage(pageData('adsl.lp through edgeDetect', points.input, points.emitted)));
    const context = await browser().newContext({
      colorScheme,
      offline: true,
      viewport: { width: 1000, height: 700 },
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!/^(?:file|data):/.test(request.url())) complaints.push(`asks for ${request.url()}`);
    });
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    await page.goto(pathToFileURL(file).href);
    return page;
  }

  /** Moves the mouse over the chart, to so much of its width, and reads what the page says of that place. */
  async function hover(page: Page, part: number): Promise<string> {
    const box = (await page.locator('.u-over').boundingBox())!;
    await page.mouse.move(box.x + (box.width - 1) * part, box.y + box.height / 3);
    const panel = page.locator('#hover');
    await panel.waitFor({ state: 'visible' });
    return (await panel.textContent())!;
  }

  /** The colours of the chart at parts of its width, at one part of its height. */
  function colours(page: Page, xs: readonly number[], y: number): Promise<string[]> {
    return page.evaluate(`(() => {
      const { ctx, bbox } = plot;
      const { data } = ctx.getImageData(bbox.left, bbox.top + Math.round(bbox.height * ${y}), bbox.width, 1);
      return ${JSON.stringify(xs)}.map((x) => data.subarray(4 * Math.round(bbox.width * x)).subarray(0, 4).join(' '));
    })()`);
  }

  const options = (page: Page, select: string): Promise<string[]> =>
    page.locator(`${select} option`).allTextContents();

  const shownTimes = (page: Page): Promise<[number, number]> =>
    page.evaluate('[plot.scales.x.min, plot.scales.x.max]');

  test('shows the title, the groups, the fields of a group, and its states with their colours', async () => {
    const page = await open({ input, emitted });
    expect(await page.title()).toBe('adsl.lp through edgeDetect');
    expect(await page.locator('h1').textContent()).toBe('adsl.lp through edgeDetect');
    expect(await options(page, '#group')).toEqual(['host=a', 'host=b']);
    expect(await options(page, '#input-field')).toEqual(['state']);
    expect(await options(page, '#emitted-field')).toEqual(['state', 'previous']);
    expect(await page.locator('#states span').allTextContents()).toEqual(['IDLE', 'SHOWTIME', 'TRAINING']);
  });

  test('says under the mouse what came and what was emitted, with the exact time', async () => {
    const page = await open({ input, emitted });
    expect(await hover(page, 0.4)).toBe(
      [
        '1970-01-01T00:00:20.000Z  20000000000',
        'input',
        '  state = TRAINING',
        'emitted',
        '  state = TRAINING',
        '  previous = IDLE',
      ].join('\n'),
    );
    expect(await hover(page, 0.2)).toBe('1970-01-01T00:00:10.000Z  10000000000\ninput\n  state = IDLE');
  });

  test('paints the states of the input above those that were emitted', async () => {
    const page = await open({ input, emitted });
    const [idle, training, showtime] = await colours(page, [0.15, 0.45, 0.75], 0.25);
    expect(new Set([idle, training, showtime]).size).toBe(3);
    const [none, ...others] = await colours(page, [0.15, 0.45, 0.75], 0.75);
    expect(others).toEqual([training, showtime]);
    expect(none).not.toBe(idle); // nothing was emitted yet
  });

  test('shows the numbers of another group as lines, with the field that the UDF has made', async () => {
    const page = await open({ input, emitted });
    await page.selectOption('#group', 'host=b');
    expect(await options(page, '#input-field')).toEqual(['value']);
    expect(await options(page, '#emitted-field')).toEqual(['avg']);
    expect(await hover(page, 0.5)).toBe(
      '1970-01-01T00:00:25.000Z  25000000000\ninput\n  value = 2\nemitted\n  avg = 1.5',
    );
    expect(await page.locator('.u-legend').innerText()).toMatch(
      /value \(input\)\s*2\s*avg \(emitted\)\s*1\.5$/,
    );
  });

  test('begins with a field that varies, before one that is the same in all points', async () => {
    const points = [1, 2, 3].map((value, index) => ({
      ...{ time: seconds(index), group: '' },
      fields: { constant: 'text', value },
    }));
    const page = await open({ input: points, emitted: points });
    for (const select of ['#input-field', '#emitted-field']) {
      expect(await options(page, select)).toEqual(['value', 'constant']);
      expect(await page.locator(select).inputValue()).toBe('value');
    }
  });

  test('zooms in by a drag, keeps what is seen when the field or the theme changes, and shows all again', async () => {
    const page = await open({ input, emitted });
    const box = (await page.locator('.u-over').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.2, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 50, { steps: 5 });
    await page.mouse.up();
    const zoomed = await shownTimes(page);
    expect(zoomed[0]).toBeCloseTo(10, 0);
    expect(zoomed[1]).toBeCloseTo(30, 0);
    await page.selectOption('#emitted-field', 'previous');
    expect(await shownTimes(page)).toEqual(zoomed);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await shownTimes(page)).toEqual(zoomed);
    await page.click('#whole');
    expect(await shownTimes(page)).toEqual([0, 50]);
  });

  test('is light or dark as the reader has chosen', async () => {
    const brightness = async (scheme: 'light' | 'dark'): Promise<number[]> => {
      const page = await open({ input, emitted }, scheme);
      const [ground, ink] = await page.evaluate<string[]>(
        '[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]',
      );
      return [ground, ink].map((rgb) => rgb!.match(/\d+/g)!.reduce((sum, part) => sum + Number(part), 0));
    };
    expect(await brightness('light')).toEqual([765, expect.toSatisfy((ink: number) => ink < 150)]);
    const [ground, ink] = await brightness('dark');
    expect(ground).toBeLessThan(150);
    expect(ink).toBeGreaterThan(600);
  });

  test('says so when nothing was read and nothing emitted', async () => {
    const page = await open({ input: [], emitted: [] });
    expect(await page.locator('#chart').textContent()).toBe('No point was read, and none was emitted.');
  });

  test('stays quick with 100,000 points: it is there within 5 s, and the hover is exact', async () => {
    const names = ['IDLE', 'TRAINING', 'SHOWTIME'];
    const many = Array.from({ length: 100_000 }, (_, index) => ({
      time: seconds(index),
      group: '',
      fields: { value: Math.sin(index / 1000), state: names[Math.floor(index / 7) % 3]! },
    }));
    const start = performance.now();
    const page = await open({ input: many, emitted: many });
    expect(await hover(page, 0)).toContain('  value = 0\n');
    await page.selectOption('#input-field', 'state');
    expect(performance.now() - start).toBeLessThan(5000);
    expect(await hover(page, 1)).toContain('1970-01-02T03:46:39.000Z  99999000000000\n');
    // Bands that are narrower than a pixel do not blend into a colour that no state has.
    const row = await colours(page, [0.31, 0.42, 0.53, 0.64, 0.75], 0.02);
    expect(new Set(row).size).toBeLessThanOrEqual(3);
  });
});
