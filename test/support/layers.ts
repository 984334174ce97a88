import { type Import, circles, importsOf, pathTo, type Sources } from './imports.js';

/** The rooms of the house and the floor each is on, as CONTRIBUTING.md draws them. */
const floors: readonly (readonly [room: RegExp, floor: number])[] = [
  [/^src\/(errors|values|timers)\.ts$/, 0],
  [/^src\/server-access\.ts$/, 0.5],
  [/^src\/(wire|udf|transport|telemetry|kapacitor)\//, 1],
  [/^src\/(agent|recording)\//, 2],
  [/^src\/host\//, 3],
  [/^src\/index\.ts$/, 3.5], // the public face, through which UDFs and users see what is below
  [/^udfs\/[^/]+\//, 4],
  [/^src\/testkit\//, 4],
  [/^udfs\/index\.ts$/, 4.5],
  [/^src\/cli\//, 5],
];

/** Packages that only one room may know. */
const doors: ReadonlyMap<string, RegExp> = new Map([
  ['protobufjs', /^src\/wire\//],
  ['long', /^src\/wire\//],
  ['pino', /^src\/telemetry\//],
  ['@influxdata/influxdb-client', /^src\/telemetry\//],
  ['commander', /^src\/cli\//],
]);

/** What runs in production: the public face and the commands that serve. */
const production = /^src\/(index|cli\/(main|serve|stdio|list|config|check))\.ts$/;

/** Everything about the sources' imports that breaks the layout, a line each. */
export function layerProblems(sources: Sources, dependencies: readonly string[]): string[] {
  const imports = importsOf(sources);
  const wrong = imports.flatMap((found) => {
    const problem = importProblem(found, sources, dependencies);
    return problem === undefined ? [] : [`${found.from} imports ${found.to}: ${problem}`];
  });
  const homeless = [...sources.keys()]
    .filter((file) => floorOf(file) === undefined)
    .map((file) => `${file} is in no room; name its floor in test/support/layers.ts`);
  const circular = circles(imports).map((files) => `imports go in a circle: ${files.join(' → ')}`);
  const loading = [...sources.keys()]
    .filter((file) => production.test(file))
    .map((entry) => pathTo(imports, entry, (file) => file.startsWith('src/testkit/')))
    .filter((path) => path !== undefined)
    .map((path) => `production loads the test kit: ${path.join(' → ')}`);
  return [...wrong, ...homeless, ...circular, ...loading];
}

function importProblem(
  { from, to }: Import,
  sources: Sources,
  dependencies: readonly string[],
): string | undefined {
  const udf = /^udfs\/[^/]+\//.exec(from)?.[0];
  if (udf !== undefined && to !== 'src/index.ts' && !to.startsWith(udf)) {
    return "a UDF imports only 'kapacitor-udf' and its own folder";
  }
  if (!sources.has(to)) return packageProblem(from, to, dependencies);
  const [fromFloor, toFloor] = [floorOf(from), floorOf(to)];
  if (fromFloor === undefined || toFloor === undefined || roomOf(from) === roomOf(to)) return undefined;
  if (toFloor < fromFloor) return undefined;
  return `imports point down only, and this one goes from floor ${fromFloor} to floor ${toFloor}`;
}

function packageProblem(from: string, to: string, dependencies: readonly string[]): string | undefined {
  if (to.startsWith('node:')) return undefined;
  if (/^(src|udfs)\//.test(to)) return 'there is no such file';
  const door = doors.get(to);
  if (door && !door.test(from)) return `only ${door.source.replaceAll(/[\\^]/g, '')} may`;
  return dependencies.includes(to) ? undefined : 'it is not among the dependencies of package.json';
}

function floorOf(file: string): number | undefined {
  return floors.find(([room]) => room.test(file))?.[1];
}

/** A folder of `src` or of `udfs`; a file that stands in none is a room of its own. */
function roomOf(file: string): string {
  return /^(src|udfs)\/[^/]+/.exec(file)?.[0] ?? file;
}
