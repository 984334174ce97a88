/**
 * The rooms of the house, from the ground up. A room may import those listed before it, types included; CONTRIBUTING.md
 * says what each one holds. Rooms on one line do not import each other.
 */
const floors = [
  ['model'],
  ['files', 'http', 'transport', 'wire'],
  ['influx', 'kapacitor'],
  ['telemetry'],
  ['udf'],
  ['agent'],
  ['recording'],
  ['host', 'kairos'],
  ['expect', 'peer'],
  ['lines'],
  ['demo', 'doctor', 'execd', 'feed', 'kafka', 'record', 'replay', 'scaffold', 'script-test', 'tasks'],
  ['testkit'],
  ['cli'],
];

const path = (rooms) => `^src/(${rooms.join('|')})/`;

const downOnly = floors.flatMap((rooms, floor) =>
  rooms.map((room) => ({
    name: `${room}-imports-down`,
    comment: `src/${room} may import its own files and the rooms below it.`,
    severity: 'error',
    from: { path: path([room]) },
    to: { path: '^src/', pathNot: path([room, ...floors.slice(0, floor).flat()]) },
  })),
);

/** The rooms of src/host/isolation, from the ground up. */
const isolationFloors = ['worker', 'supervisor', 'front'];

const isolationDownOnly = isolationFloors.slice(0, -1).map((room, floor) => ({
  name: `isolation-${room}-imports-down`,
  severity: 'error',
  from: { path: `^src/host/isolation/${room}/` },
  to: { path: `^src/host/isolation/(${isolationFloors.slice(floor + 1).join('|')})/` },
}));

/** Packages that only one room may know. */
const doors = {
  '@platformatic/kafka': 'kafka',
  '@influxdata/influxdb-client': 'influx',
  commander: 'cli',
  long: 'wire',
  pino: 'telemetry',
  'prom-client': 'telemetry',
  protobufjs: 'wire',
  sax: 'recording',
};

export default {
  forbidden: [
    ...downOnly,
    ...isolationDownOnly,
    ...Object.entries(doors).map(([name, room]) => ({
      name: `${name}-behind-its-door`,
      severity: 'error',
      from: { path: '^(src|udfs)/', pathNot: path([room]) },
      to: { path: `^(node_modules/)?${name}(/|$)` },
    })),
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'udf-imports-the-public-face',
      comment:
        "A bundled UDF imports 'kapacitor-udf', its own folder, and packages, as a user's would; udfs/shared has what two need.",
      severity: 'error',
      from: { path: '^udfs/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: {
        dependencyTypesNot: ['core'],
        pathNot: ['^kapacitor-udf$', '^udfs/($1|shared)/', '(^|/)node_modules/(leven|luxon|@types/luxon)/'],
      },
    },
    {
      name: 'declared-dependencies-only',
      severity: 'error',
      from: { path: '^(src|udfs)/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports is dead, or an entry point that belongs into this list.',
      severity: 'error',
      from: { orphan: true, path: '^(src|udfs)/', pathNot: ['\\.test\\.ts$', '/assets/'] },
      to: {},
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      // The package's own name resolves once it is built; some packages only by their
      // `exports`, which are not read here.
      to: {
        couldNotResolve: true,
        pathNot: '^(kapacitor-udf(/(testkit|udfs))?|@bomb\\.sh/tab|@platformatic/kafka)$',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|test|udfs/[^/]+/training)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: [], extensions: ['.ts', '.js'] },
  },
};
