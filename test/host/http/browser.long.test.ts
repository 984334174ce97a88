import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defineUdf } from 'kapacitor-udf';
import { createHost } from '../../../src/host/host.js';
import { createKapacitorPeer, type KapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { needsBrowser, useBrowser } from '../../support/browser.js';
import { silentLogger } from '../../support/silent-logger.js';
import { tempDir } from '../../support/temp-dir.js';

const { missing, title } = needsBrowser('the live page in Chromium');

/** A name that is HTML; a task of Kapacitor may not be called so, but another peer may say anything. */
const hostile = '<img src=x onerror="window.hurt=1">&amp;</td>';

const doubling = defineUdf({
  name: 'doubling',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ points: 0 }),
  point(point, { state }) {
    state.points++;
    if (point.field('v') === 'bad') throw new Error('it is bad');
    return [point, point];
  },
});

const widths: readonly (readonly [string, BrowserContextOptions])[] = [
  ['a desktop', { viewport: { width: 1280, height: 800 } }],
  ['a phone', { viewport: { width: 360, height: 700 }, isMobile: true, hasTouch: true }],
];

describe.skipIf(missing)(title, { timeout: 60_000 }, () => {
  const browser = useBrowser();

  /** A host with a task whose name is hostile, and its page. Whatever the browser complains of fails the test. */
  async function open(options: BrowserContextOptions): Promise<{ page: Page; kapacitor: KapacitorPeer }> {
    const path = join(tempDir(), 'doubling.sock');
    const host = createHost({
      sockets: [{ definition: doubling, path }],
      logger: silentLogger,
      http: '0',
      onError: 'drop',
    });
    onTestFinished(() => host.stop());
    await host.start();
    const kapacitor = createKapacitorPeer(await dialUnix(path), { taskId: hostile });
    onTestFinished(() => {
      kapacitor.abort();
    });
    await kapacitor.init();
    const context = await browser().newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('request', (request) => {
      const isOwn = request.url().startsWith(host.httpUrl!) || request.url().startsWith('data:');
      if (!isOwn) complaints.push(`asks for ${request.url()}`);
    });
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    await page.goto(`${host.httpUrl}/`);
    await page.locator('tbody tr').waitFor();
    return { page, kapacitor };
  }

  let time = 0n;
  const send = (kapacitor: KapacitorPeer, value: number | string = 1): void => {
    kapacitor.point({ time: ++time, name: hostile, tags: { host: 'a' }, fields: { v: value } });
  };
  const cell = (page: Page, label: string): Promise<string | null> =>
    page.locator(`tbody td[data-label="${label}"]`).textContent();
  const poll = (read: () => Promise<unknown>) => expect.poll(read, { timeout: 20_000 });

  test.each(widths)('fits the width of %s, with points shown too', async (_, options) => {
    const { page, kapacitor } = await open(options);
    const width = options.viewport!.width;
    const scrollWidth = (): Promise<number> => page.evaluate('document.documentElement.scrollWidth');
    expect(await scrollWidth()).toBe(width);
    await page.locator('tbody button').click();
    kapacitor.point({
      time: ++time,
      name: 'x'.repeat(3_000),
      fields: { ['f'.repeat(500)]: 'v'.repeat(3_000) },
    });
    await poll(() => page.locator('#points-out li').first().textContent()).toContain('xxx');
    expect(await scrollWidth()).toBe(width);
    for (const label of ['in/s', 'queued', 'restarts']) {
      const box = (await page.locator(`tbody td[data-label="${label}"]`).boundingBox())!;
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
    }
  });

  test.each(widths)('shows figures that follow the points that flow, on %s', async (_, options) => {
    const { page, kapacitor } = await open(options);
    expect(await page.locator('#status').textContent()).toBe('ready');
    for (let count = 0; count < 50; count++) send(kapacitor);
    await poll(() => cell(page, 'points in')).toBe('50');
    await poll(() => cell(page, 'points out')).toBe('100');
    expect(await page.locator('#total-groups').textContent()).toBe('1');
    const timer = setInterval(() => {
      send(kapacitor);
    }, 5);
    onTestFinished(() => {
      clearInterval(timer);
    });
    await poll(async () => Number((await cell(page, 'in/s'))!.replace(',', ''))).toBeGreaterThan(0);
    send(kapacitor, 'bad');
    await poll(() => cell(page, 'errors')).toBe('1');
    await poll(() => cell(page, 'dropped')).toBe('1');
  });

  test('shows a hostile name and its points as text', async () => {
    const { page, kapacitor } = await open(widths[0]![1]);
    expect(await page.locator('tbody td[data-label="task"]').textContent()).toBe(`${hostile}, udf2`);
    await page.locator('tbody button').click();
    expect(await page.locator('#points-title').textContent()).toContain(hostile);
    send(kapacitor, hostile);
    await poll(() => page.locator('#points-in li').first().textContent()).toBe(
      `1970-01-01T00:00:00.000Z  ${hostile}  v="${hostile}"`,
    );
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.evaluate('window.hurt')).toBeUndefined();
  });

  test('is used by the keyboard alone, and keeps the focus over refreshes', async () => {
    const { page, kapacitor } = await open(widths[0]![1]);
    await page.keyboard.press('Tab');
    const focused = (): Promise<string> => page.evaluate('document.activeElement.textContent');
    expect(await focused()).toBe('show');
    await page.keyboard.press('Enter');
    await poll(() => page.locator('#points').isVisible()).toBe(true);
    expect(await page.locator('tbody button').getAttribute('aria-pressed')).toBe('true');
    send(kapacitor);
    await poll(() => cell(page, 'points in')).toBe('1');
    expect(await focused()).toBe('hide');
    await page.keyboard.press('Space');
    expect(await page.locator('#points').isVisible()).toBe(false);
  });

  test('shows that a task has ended, and that the host is away', async () => {
    const { page, kapacitor } = await open(widths[0]![1]);
    await kapacitor.stop();
    await poll(() => page.locator('tbody tr').getAttribute('class')).toBe('ended');
    expect(await page.locator('#idle').textContent()).toContain('Not used by a running task: doubling.');
    expect(await page.locator('tbody button').isDisabled()).toBe(true);
    await page.route('**/figures', (route) => route.fulfill({ status: 200, body: 'gone' }));
    await poll(() => page.locator('#status').textContent()).toBe('the host does not answer');
  });

  test('is light or dark as the reader has chosen', async () => {
    const brightness = async (scheme: 'light' | 'dark'): Promise<number[]> => {
      const { page } = await open({ ...widths[0]![1], colorScheme: scheme });
      const colours = await page.evaluate<string[]>(
        '[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]',
      );
      return colours.map((rgb) => rgb.match(/\d+/g)!.reduce((sum, part) => sum + Number(part), 0));
    };
    expect(await brightness('light')).toEqual([765, expect.toSatisfy((ink: number) => ink < 200)]);
    expect(await brightness('dark')).toEqual([
      expect.toSatisfy((ground: number) => ground < 150),
      expect.toSatisfy((ink: number) => ink > 600),
    ]);
  });
});
