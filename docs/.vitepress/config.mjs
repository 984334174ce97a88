import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { linkSources } from './link-sources.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { description, homepage } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const repository = homepage.replace(/#.*/, '');

/** The path on the site of a Markdown file of the repository; `undefined` for one that is no page. */
function pageOf(path) {
  const [, guide] = /^docs\/(.*\.md)$/.exec(path) ?? [];
  const [, udf] = /^udfs\/([^/]+)\/README\.md$/.exec(path) ?? [];
  if (guide !== undefined) return guide;
  if (udf !== undefined) return `udfs/${udf}.md`;
  return {
    'README.md': 'index.md',
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
    'SECURITY.md': 'security.md',
    'docker/README.md': 'docker.md',
    'examples/README.md': 'examples.md',
    'docker/kubernetes/README.md': 'kubernetes.md',
    'test/bench/README.md': 'benchmark.md',
    'tickscripts/README.md': 'tickscripts.md',
  }[path];
}

/** The sidebar of the API reference as TypeDoc wrote it; empty before `npm run docs` has run. */
function apiSidebar() {
  const file = `${root}docs/api/typedoc-sidebar.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
}

/**
 * Pages that are rendered on the server import Vue, which one outside docs/ would look for in the repository's own
 * packages: left to Node.js, the import is resolved from the bundle, which is in docs/.
 */
function vueOfSite() {
  return {
    name: 'vue-of-site',
    enforce: 'pre',
    resolveId: (id, _importer, { ssr }) =>
      ssr && /^vue(\/|$)/.test(id) ? { id, external: true } : undefined,
  };
}

function group(text, items) {
  return { text, items: Object.entries(items).map(([link, title]) => ({ text: title, link: `/${link}` })) };
}

export default defineConfig({
  title: 'kapacitor-udf',
  description,
  lang: 'en',
  // Pages stay where they are read in the repository too: some stand beside the code that they describe.
  srcDir: '..',
  srcExclude: [
    'dist/**',
    'src/**',
    'proto/**',
    'examples/!(README.md)',
    'test/!(bench)/**',
    'test/bench/!(README.md)',
    'docs/node_modules/**',
  ],
  rewrites: (path) => pageOf(path) ?? path,
  ignoreDeadLinks: 'localhostLinks',
  vite: {
    publicDir: `${root}docs/public`,
    plugins: [vueOfSite()],
    build: { chunkSizeWarningLimit: 1000 },
  },
  markdown: {
    languageAlias: { ndjson: 'json', lp: 'json' },
    config: (md) => linkSources(md, { root, repository, pageOf }),
  },
  themeConfig: {
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    outline: [2, 3],
    nav: [
      { text: 'First hour', link: '/first-hour' },
      { text: 'API', link: '/api/' },
      { text: 'Changelog', link: '/changelog' },
    ],
    sidebar: [
      group('Start', {
        '': 'What it is',
        'first-hour': 'The first hour',
        protocol: 'How Kapacitor talks to a UDF',
        migrating: 'From the Go or Python agent',
      }),
      group('Writing UDFs', {
        writing: 'Definitions, options, points',
        state: 'State, groups and time',
        testing: 'Testing',
        examples: 'Examples',
      }),
      group('Operating', {
        operating: 'Running the host',
        isolation: 'Isolation and reload',
        remote: 'On another machine',
        monitoring: 'Metrics and health',
        tasks: 'Tasks of Kapacitor',
        'influxdb-2': 'Over InfluxDB 2.x',
        telegraf: 'In Telegraf',
        kafka: 'On Kafka',
        faults: 'What can go wrong',
        'kapacitor-limits': 'Limits of Kapacitor',
      }),
      group('Data', {
        recordings: 'Recordings and replay',
        feeding: 'Feeding data',
        metering: 'Metering',
        'green-button': 'Green Button and utilities',
        performance: 'Performance',
      }),
      group('UDFs', {
        'udfs/calendar-totals': 'calendarTotals',
        'udfs/edge-detect': 'edgeDetect',
        'udfs/forecast': 'forecast',
        'udfs/forecast-batch': 'forecastBatch',
        'udfs/moving-average': 'movingAverage',
        'udfs/outliers': 'outliers',
        'udfs/predict': 'predict',
        'udfs/mirror': 'mirror',
        'udfs/mirror-batch': 'mirrorBatch',
      }),
      group('Around it', {
        tickscripts: 'TICKscripts',
        docker: 'Containers and systemd',
        kubernetes: 'Kubernetes',
        benchmark: 'The benchmark',
        contributing: 'Contributing',
        security: 'Security',
        changelog: 'Changelog',
      }),
      { text: 'API reference', collapsed: true, items: apiSidebar() },
    ],
  },
});
