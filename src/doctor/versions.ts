import { createRequire } from 'node:module';
import type { Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('versions');

/** The versions of Kapacitor that this package is tested with. */
const tested = { from: '1.5.7', to: '1.8.3' } as const;

/** Defects of Kapacitor that users of UDFs meet. No version without them is known. */
const defects = [
  {
    what: 'it may crash (send on closed channel) when a task is disabled while points flow through its UDF',
    remedy:
      'disable tasks while no points come, and let a supervisor restart Kapacitor; kapacitor-udf tasks restart leaves connected tasks alone',
  },
  {
    what: 'it crashes (nil pointer dereference) if a snapshot is due while a task starts whose socket is absent',
    remedy:
      'start the host before Kapacitor, restart it fast, and keep snapshot-interval at a minute or more',
  },
  {
    what: "it never joins a UDF's batch with that of a query (#2135, #2330)",
    remedy: 'put the same UDF step on both branches: @mirrorBatch() behind the query',
  },
] as const;

/** Checks the version of Node.js, and that of Kapacitor for known defects. */
export function checkVersions({ server }: Facts, node = process.versions.node): Finding[] {
  return [...nodeVersion(node), ...(server ? kapacitorVersion(server.version, server.api.url) : [])];
}

function nodeVersion(version: string): Finding[] {
  const required = requiredNode();
  if (compareVersions(version, required) >= 0) return [];
  return [
    finding(
      'error',
      `Node.js ${version}`,
      `kapacitor-udf needs Node.js ${required} or newer`,
      'install a current Node.js, and start the host with it',
    ),
  ];
}

/** The oldest Node.js that package.json allows. */
export function requiredNode(): string {
  const { engines } = createRequire(import.meta.url)('kapacitor-udf/package.json') as {
    readonly engines: { readonly node: string };
  };
  return engines.node.replace(/^>=\s*/, '');
}

function kapacitorVersion(version: string, url: string): Finding[] {
  const where = `Kapacitor ${version} at ${url}`;
  const number = /^v?(\d+\.\d+\.\d+)/.exec(version)?.[1];
  const isTested =
    number !== undefined &&
    compareVersions(number, tested.from) >= 0 &&
    compareVersions(number, tested.to) <= 0;
  const untested = finding(
    'note',
    where,
    `kapacitor-udf is tested with versions ${tested.from} to ${tested.to}`,
    'try your tasks with kapacitor-udf test before you rely on them',
  );
  return [
    ...(isTested ? [] : [untested]),
    ...defects.map(({ what, remedy }) => finding('note', where, what, remedy)),
  ];
}

/** By their numbers; a missing one counts as 0. */
function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  for (let index = 0; index < 3; index++) {
    const difference = (left![index] ?? 0) - (right![index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
