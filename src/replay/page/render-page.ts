import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PageData } from './page-data.js';

/**
 * One HTML file that shows a replay and needs nothing else: the plotting library, the styles and the data are in it,
 * so that it opens from disk, without a network, for as long as there are browsers.
 */
export function renderPage(data: PageData): string {
  const plotting = (file: string): string =>
    readFileSync(createRequire(import.meta.url).resolve(file), 'utf8');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(data.title)}</title>
<style>${plotting('uplot/dist/uPlot.min.css')}</style>
<style>${asset('page.css')}</style>
</head>
<body>
${asset('page.html')}
<script type="application/json" id="data">${escapeJson(JSON.stringify(data))}</script>
<script>${plotting('uplot/dist/uPlot.iife.min.js')}</script>
<script>${asset('page.js')}</script>
</body>
</html>
`;
}

function asset(name: string): string {
  return readFileSync(fileURLToPath(new URL(`assets/${name}`, import.meta.url)), 'utf8');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** No value, whatever text it holds, can end the script element that the data is in. */
function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c');
}
