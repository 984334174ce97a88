import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsBrowser, useBrowser } from '../support/browser.js';
import { serveSite } from './serve-site.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const built = join(root, 'docs/.vitepress/dist');
const { homepage } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly homepage: string;
};
const repository = homepage.replace('#readme', '');

const paths = readdirSync(built, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.html') && file !== '404.html')
  .map((file) => `/${file}`);

const phone = { width: 360, height: 740 };

/** A page as the browser shows it at the width of a phone. */
interface Shown {
  readonly path: string;
  readonly width: number;
  /** Elements that reach beyond the page's right edge, for the message. */
  readonly wide: readonly string[];
  readonly anchors: readonly string[];
  readonly links: readonly string[];
}

/** Runs in the browser, whose types this project does not have; gives a `Shown` without its path. */
const describePage = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const isWide = (element) => element.getBoundingClientRect().right > clientWidth + 1;
  const wide = scrollWidth <= clientWidth ? [] : [...document.body.querySelectorAll('*')].filter(isWide);
  return {
    width: scrollWidth,
    wide: wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 120)),
    anchors: [...document.querySelectorAll('[id]')].map(({ id }) => id),
    links: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
  };
})()`;

const { missing, title } = needsBrowser('the documentation site');

describe.skipIf(missing)(title, () => {
  const browser = useBrowser();
  let site: Awaited<ReturnType<typeof serveSite>>;
  let context: BrowserContext;
  const shown = new Map<string, Shown>();
  /** What went wrong in the browser: errors of scripts, and requests that failed or left the site. */
  const problems: string[] = [];

  function watch(page: Page): void {
    page.on('pageerror', (error) => problems.push(`${page.url()}: ${error.message}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(site.url) && !request.url().startsWith('data:'))
        problems.push(`request of ${request.url()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
    });
  }

  async function visit(within: BrowserContext, visited: readonly string[]): Promise<void> {
    const page = await within.newPage();
    watch(page);
    for (const path of visited) {
      await page.goto(site.url + path, { waitUntil: 'load' });
      shown.set(path, { path, ...(await page.evaluate<Omit<Shown, 'path'>>(describePage)) });
    }
    await page.close();
  }

  beforeAll(async () => {
    site = await serveSite(built);
    context = await browser().newContext({ viewport: phone });
    const isReference = (path: string): boolean => path.startsWith('/api/') && path !== '/api/index.html';
    await visit(
      context,
      paths.filter((path) => !isReference(path)),
    );
    // The pages of the API reference are many and alike: as they were rendered, without scripts, is enough of them.
    const quick = await browser().newContext({ viewport: phone, javaScriptEnabled: false });
    await visit(quick, paths.filter(isReference));
    await quick.close();
  }, 240_000);

  afterAll(async () => {
    await context.close();
    site.close();
  });

  test('has the guide, the API reference and the pages that stand beside the code', () => {
    expect(paths).toEqual(
      expect.arrayContaining(['/index.html', '/faults.html', '/udfs/edge-detect.html', '/api/index.html']),
    );
    expect(paths.length).toBeGreaterThan(100);
  });

  test('links to pages and places that exist', () => {
    /** Dead links with the first page that has them: the menu is on every page. */
    const dead = new Map<string, string>();
    for (const { path, links } of shown.values()) {
      for (const link of links) {
        const { origin, pathname, hash } = new URL(link);
        if (origin !== site.url || dead.has(link)) continue;
        const target = shown.get(pathname.endsWith('/') ? `${pathname}index.html` : pathname);
        const anchor = decodeURIComponent(hash.slice(1));
        if (!target || (anchor !== '' && !target.anchors.includes(anchor))) dead.set(link, path);
      }
    }
    expect([...dead].map(([link, path]) => `${path}: ${link}`)).toEqual([]);
  });

  test('has no page that no other one links to', () => {
    const linked = new Set(
      [...shown.values()].flatMap(({ path, links }) =>
        links.map((link) => new URL(link).pathname.replace(/\/$/, '/index.html')).filter((to) => to !== path),
      ),
    );
    expect(paths.filter((path) => !linked.has(path))).toEqual([]);
  });

  test('links to files of the repository that exist', () => {
    const links = new Set([...shown.values()].flatMap(({ links }) => links));
    const files = [...links].flatMap((link) => {
      const [, file] = /^\/(?:blob|tree)\/main\/([^#]*)/.exec(link.replace(repository, '')) ?? [];
      return file === undefined ? [] : [file];
    });
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  test('never scrolls sideways on a phone', () => {
    const wide = [...shown.values()].filter(({ width }) => width > 360);
    expect(wide.map(({ path, width, wide: elements }) => ({ path, width, elements }))).toEqual([]);
  });

  test('shows every page without an error, and without a request to another site', () => {
    expect(problems).toEqual([]);
  });

  test('finds movingAverage by its search', async () => {
    const page = await context.newPage();
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(`${site.url}/index.html`);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('searchbox').fill('movingAverage');
    const results = page.locator('#localsearch-list a');
    await results.first().waitFor();
    const found = await Promise.all((await results.all()).map((link) => link.getAttribute('href')));
    expect(found.map((link) => link?.replace(/#.*/, ''))).toContain('/udfs/moving-average.html');
    await page.close();
  });
});
