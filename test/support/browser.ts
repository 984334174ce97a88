import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { findExecutable } from './find-executable.js';
import { tempDir } from './temp-dir.js';

const executablePath = findExecutable('CHROMIUM', 'chromium', 'chromium-browser', 'google-chrome');

/** Whether no browser is installed, and the suite's title, which says so in that case. */
export function needsBrowser(suite: string): { readonly missing: boolean; readonly title: string } {
  if (executablePath !== undefined) return { missing: false, title: suite };
  const skipped = `skipped: no Chromium on the PATH; set CHROMIUM=/path/to/chromium`;
  return { missing: true, title: `${suite} (${skipped})` };
}

/** A headless Chromium for the tests of a suite. */
export function useBrowser(): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    // A container has neither the namespaces of Chromium's sandbox nor much shared memory; the pages are our own.
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
  }, 60_000);
  afterAll(() => browser?.close());
  return () => browser!;
}

export const desktop: BrowserContextOptions = { viewport: { width: 1000, height: 700 } };
export const phone: BrowserContextOptions = {
  viewport: { width: 360, height: 700 },
  hasTouch: true,
  isMobile: true,
  deviceScaleFactor: 2,
};

/** Opens a self-contained page from disk, without a network; the test fails on errors in it and on whatever it asks for. */
export async function openOffline(
  browser: Browser,
  html: string,
  options: BrowserContextOptions,
): Promise<Page> {
  const file = join(tempDir(), 'page.html');
  writeFileSync(file, html);
  const context = await browser.newContext({ offline: true, colorScheme: 'light', ...options });
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
