import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { findExecutable } from './find-executable.js';

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
