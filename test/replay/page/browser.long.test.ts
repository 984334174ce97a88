import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { pageData, type PageHead, type PagePoint, renderPage } from '../../../src/replay/page/page.js';
import { desktop, needsBrowser, openOffline, phone, useBrowser } from '../../support/browser.js';

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

const head: PageHead = {
  title: 'adsl.lp',
  udf: 'edgeDetect',
  options: ".field('state')",
  counts: ['9 points in', '6 points out', '2 missing'],
  inputFields: ['state'],
  emittedFields: ['state'],
};

describe.skipIf(missing)(title, () => {
  const browser = useBrowser();

  const open = (
    points: { readonly input: readonly PagePoint[]; readonly emitted: readonly PagePoint[] },
    options: BrowserContextOptions = {},
    ownHead: Partial<PageHead> = {},
  ): Promise<Page> => {
    const html = renderPage(pageData({ ...head, ...ownHead }, points.input, points.emitted));
    return openOffline(browser(), html, { ...desktop, ...options });
  };

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

  test('shows the title, UDF, options, counts and dates, the groups, the fields of a group, and its states with their colours', async () => {
    const page = await open({ input, emitted });
    expect(await page.title()).toBe('adsl.lp · edgeDetect');
    expect(await page.locator('h1').textContent()).toBe('adsl.lp');
    expect(await page.locator('#udf').textContent()).toBe('edgeDetect');
    expect(await page.locator('#options').textContent()).toBe(".field('state')");
    expect(await page.locator('#counts').textContent()).toBe('9 points in, 6 points out, 2 missing');
    expect(await page.locator('#dates').textContent()).toBe('1970-01-01 00:00:00 to 00:00:50 UTC');
    expect(await options(page, '#group')).toEqual(['host=a', 'host=b']);
    expect(await options(page, '#input-field')).toEqual(['state']);
    expect(await options(page, '#emitted-field')).toEqual(['state', 'previous']);
    expect(await page.locator('#states span').allTextContents()).toEqual(['IDLE', 'SHOWTIME', 'TRAINING']);
  });

  test('says under the mouse what came and what was emitted, with the exact time', async () => {
    const page = await open({ input, emitted });
    expect(await hover(page, 0.4)).toBe(
      [
        '1970-01-01 00:00:20.000 UTC\n20000000000 ns',
        'input',
        '  state = TRAINING',
        'emitted',
        '  state = TRAINING',
        '  previous = IDLE',
      ].join('\n'),
    );
    expect(await hover(page, 0.2)).toBe('1970-01-01 00:00:10.000 UTC\n10000000000 ns\ninput\n  state = IDLE');
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
      '1970-01-01 00:00:25.000 UTC\n25000000000 ns\ninput\n  value = 2\nemitted\n  avg = 1.5',
    );
    expect(await page.locator('.u-legend').innerText()).toMatch(
      /value \(input\)\s*2\s*avg \(emitted\)\s*1\.5$/,
    );
  });

  test('opens with the fields that the options name', async () => {
    const points = [1, 2, 3].map((value, index) => ({
      time: seconds(index),
      group: '',
      fields: { value, down: value, state: `s${index}` },
    }));
    const emittedPoints = points.map((point) => ({
      ...point,
      fields: { ...point.fields, other: 1, mean: 2 },
    }));
    const page = await open(
      { input: points, emitted: emittedPoints },
      {},
      {
        inputFields: ['nosuch', 'down'],
        emittedFields: ['mean', 'down'],
      },
    );
    expect(await options(page, '#input-field')).toEqual(['down', 'value', 'state']);
    expect(await options(page, '#emitted-field')).toEqual(['mean', 'down', 'other', 'value', 'state']);
    expect(await page.locator('#input-field').inputValue()).toBe('down');
    expect(await page.locator('#emitted-field').inputValue()).toBe('mean');
  });

  test('says which dates are in view, in UTC', async () => {
    const days = [0, 1, 2].map((day) => ({ time: seconds(day * 86_400), group: '', fields: { value: day } }));
    const page = await open({ input: days, emitted: [] });
    expect(await page.locator('#dates').textContent()).toBe('1970-01-01 00:00:00 to 1970-01-03 00:00:00 UTC');
    const label = (): Promise<string> => page.evaluate('plot.axes[0].label');
    expect(await label()).toBe('1970-01-01 to 1970-01-03 UTC');
    await page.evaluate('plot.setScale("x", { min: 86400, max: 86410 })');
    await expect.poll(label).toBe('1970-01-02 UTC');
  });

  test('begins with a field that varies, before one that is the same in all points', async () => {
    const points = [1, 2, 3].map((value, index) => ({
      time: seconds(index),
      group: '',
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

  describe('on a phone', () => {
    /** Puts fingers on the chart, moves them from the first to the last parts of its width, and lifts them. */
    async function drag(page: Page, from: readonly number[], to: readonly number[]): Promise<void> {
      const box = (await page.locator('.u-over').boundingBox())!;
      const session = await page.context().newCDPSession(page);
      const points = (parts: readonly number[]) =>
        parts.map((part, id) => ({ id, x: box.x + box.width * part, y: box.y + box.height / 3 }));
      await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points(from) });
      for (let step = 1; step <= 5; step++) {
        const parts = from.map((part, finger) => part + ((to[finger]! - part) * step) / 5);
        await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: points(parts) });
      }
      await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    }

    test('fits its width', async () => {
      const page = await open({ input, emitted }, phone);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      expect(await page.locator('.hint.touch').isVisible()).toBe(true);
      expect(await page.locator('.hint.mouse').isVisible()).toBe(false);
    });

    test('two fingers zoom, one moves through time, and a double tap shows all', async () => {
      const page = await open({ input, emitted }, phone);
      await drag(page, [0.4, 0.6], [0.2, 0.8]);
      const zoomed = await shownTimes(page);
      expect(zoomed[1] - zoomed[0]).toBeCloseTo(50 / 3, 0);
      expect((zoomed[0] + zoomed[1]) / 2).toBeCloseTo(25, 0);
      await drag(page, [0.8], [0.2]);
      const moved = await shownTimes(page);
      expect(moved[0] - zoomed[0]).toBeCloseTo(10, 0);
      expect(moved[1] - moved[0]).toBeCloseTo(zoomed[1] - zoomed[0], 3);
      await drag(page, [0.9], [0.1]);
      expect((await shownTimes(page))[1]).toBeCloseTo(50, 3); // not beyond the last point
      await drag(page, [0.2, 0.8], [0.48, 0.52]);
      expect(await shownTimes(page)).toEqual([0, 50]); // not further out than all points
      await drag(page, [0.4, 0.6], [0.2, 0.8]);
      await drag(page, [0.5], [0.5]);
      await drag(page, [0.5], [0.5]);
      expect(await shownTimes(page)).toEqual([0, 50]);
    });

    test('a tap shows the values there', async () => {
      const page = await open({ input, emitted }, phone);
      await drag(page, [0.4], [0.4]);
      const panel = page.locator('#hover');
      await panel.waitFor({ state: 'visible' });
      expect(await panel.textContent()).toContain(
        '00:00:20.000 UTC\n20000000000 ns\ninput\n  state = TRAINING',
      );
      const box = (await panel.boundingBox())!;
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(360);
    });
  });

  test('is light or dark as the reader has chosen', async () => {
    const brightness = async (scheme: 'light' | 'dark'): Promise<number[]> => {
      const page = await open({ input, emitted }, { colorScheme: scheme });
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
    expect(await hover(page, 1)).toContain('1970-01-02 03:46:39.000 UTC\n99999000000000 ns\n');
    // Bands that are narrower than a pixel do not blend into a colour that no state has.
    const row = await colours(page, [0.31, 0.42, 0.53, 0.64, 0.75], 0.02);
    expect(new Set(row).size).toBeLessThanOrEqual(3);
  });
});
