import { closeSync, openSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { finished } from 'node:stream/promises';
import { UdfError } from '../model/errors.js';
import { createAtomicFile, partExtension, writeError } from './atomic-file.js';

const ownAssets = new URL('assets/', import.meta.url);

/** What a page adds to the plotting library and the styles that all pages share. */
export interface ChartPage {
  readonly title: string;
  /** Markup of the body; `escapeHtml` is for the data in it. */
  readonly body: string;
  /** What the script reads from the element `data`, as JSON. */
  readonly data: unknown;
  /**
   * The directory of the page's styles, `page.css`, and of its script, `page.js`: plain browser JavaScript, run after the
   * body and the plotting library.
   */
  readonly assets: URL;
}

/** Renders a self-contained HTML file, with plotting library, styles and data, that opens from disk and asks no server. */
export function renderChartPage({ title, body, data, assets }: ChartPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${readPackageFile('uplot/dist/uPlot.min.css')}</style>
<style>${readAsset(ownAssets, 'chart-page.css')}</style>
<style>${readAsset(assets, 'page.css')}</style>
</head>
<body>
${body}
<script type="application/json" id="data">${escapeJson(JSON.stringify(data))}</script>
<script>${readPackageFile('uplot/dist/uPlot.iife.min.js')}</script>
<script>${readAsset(assets, 'page.js')}</script>
</body>
</html>
`;
}

/**
 * Throws `invalid_config` if a page cannot be written to a path: before work whose result the page is to hold. Leaves no file
 * behind.
 */
export function checkPagePath(path: string): void {
  if (path === '') throw new UdfError('invalid_config', 'the page needs the name of a file');
  try {
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing?.isDirectory()) throw new Error('it is a directory');
    if (existing && !existing.isFile()) return; // a pipe or a device, which is opened only once
    const probe = `${existing ? realpathSync(path) : path}.${process.pid}${partExtension}`;
    closeSync(openSync(probe, 'w'));
    rmSync(probe);
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/** Writes a page, replacing one that is there. Rejects with `invalid_config` if that fails; the file then stays unchanged. */
export async function writeChartPage(path: string, page: ChartPage): Promise<void> {
  const file = createAtomicFile(path);
  try {
    file.stream.end(renderChartPage(page));
    await finished(file.stream);
    await file.commit();
  } catch (reason) {
    await file.discard();
    throw reason;
  }
}

/** Escapes text for markup and for attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Escapes JSON for a script element, so that no value can end it. */
function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c');
}

/** Reads a text from a directory of assets, whose URL ends in a slash. */
export function readAsset(assets: URL, file: string): string {
  return readFileSync(new URL(file, assets), 'utf8');
}

function readPackageFile(file: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(file), 'utf8');
}
