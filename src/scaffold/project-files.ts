import { createRequire } from 'node:module';

/** The files of a project by their paths. */
export type ProjectFiles = Readonly<Record<string, string>>;

/** What differs between UDFs of a stream and of batches. */
export interface UdfFiles {
  readonly files: ProjectFiles;
  /** One sentence for the README. */
  readonly summary: string;
  /** More arguments of `kapacitor-udf test`. */
  readonly scriptTestArguments: string;
}

export interface ProjectSettings {
  /** How TICKscripts call the UDF. */
  readonly name: string;
  /** The same in kebab case, for names of files. */
  readonly file: string;
  /** What package.json names as kapacitor-udf. */
  readonly dependency: string;
  readonly udf: UdfFiles;
}

/** All files of a project. */
export function projectFiles(settings: ProjectSettings): ProjectFiles {
  return {
    ...settings.udf.files,
    'package.json': json(manifest(settings)),
    'tsconfig.json': json(tsconfig),
    Dockerfile: dockerfile(settings),
    '.dockerignore': 'node_modules\nsockets\n',
    '.gitignore': 'node_modules/\nsockets/\n',
    'README.md': readme(settings),
  };
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Packages of the project, in the versions that this package itself is tested with. */
const devPackages = ['@types/node', 'ts-blank-space', 'typescript', 'vitest'];

function manifest({ name, file, dependency, udf }: ProjectSettings): object {
  const { devDependencies } = createRequire(import.meta.url)('kapacitor-udf/package.json') as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const serving = `${name} --load ./src/${file}.ts --socket-dir sockets`;
  return {
    // Never the name of one of its packages, which npm would refuse.
    name: `udf-${file}`,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      test: 'tsc && vitest run',
      'test:script': `kapacitor-udf test 'tickscripts/tests/*.yaml'${udf.scriptTestArguments}`,
      dev: `kapacitor-udf serve ${serving} --watch`,
      start: `kapacitor-udf serve ${serving}`,
      config: `kapacitor-udf config ${serving}`,
    },
    dependencies: { 'kapacitor-udf': dependency },
    devDependencies: Object.fromEntries(devPackages.map((each) => [each, devDependencies[each]])),
  };
}

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noFallthroughCasesInSwitch: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
  },
  include: ['src', 'test'],
};

const dockerfile = ({ name, file }: ProjectSettings): string => `\
# Hosts the UDF on /var/run/kapacitor-udf/${name}.sock, a directory that Kapacitor must share:
#
#   docker build -t udf-${file} .
#   docker run --volume kapacitor-udf:/var/run/kapacitor-udf udf-${file}
FROM node:24-alpine
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund \\
 && mkdir -p /var/run/kapacitor-udf \\
 && chown node:node /var/run/kapacitor-udf
COPY src ./src
USER node
HEALTHCHECK --interval=10s --start-period=20s CMD ["node_modules/.bin/kapacitor-udf", "check", "${name}"]
# Node.js 24 runs TypeScript as it is. No shell or npm in between: they do not pass signals on.
ENTRYPOINT ["node_modules/.bin/kapacitor-udf"]
CMD ["serve", "${name}", "--load", "./src/${file}.ts"]
`;

/** A table in Markdown with aligned columns; the first row is its head. */
function table(rows: readonly (readonly [string, string])[]): string {
  const widths = ([0, 1] as const).map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

const readme = ({ name, file, udf }: ProjectSettings): string => `\
# ${name}

${udf.summary}

\`\`\`sh
npm install
npm test                  # types, and the UDF with a recording
npm run dev               # serves it on sockets/${name}.sock; each change runs at once, with the same state
npm start                 # the same without watching
npm run --silent config   # what belongs into kapacitor.conf
npm run test:script       # the TICKscript, on the Kapacitor at KAPACITOR_URL (http://localhost:9092)
\`\`\`

Kapacitor must know the UDF before it starts: start the host, add the output of \`config\` to \`kapacitor.conf\`, start Kapacitor.
Its user must be able to enter \`sockets\` and the folders above it, and to write to the socket. Once the host has started:

\`\`\`sh
sudo chgrp kapacitor sockets sockets/${name}.sock
sudo chmod g+s sockets    # a socket that is made later gets the group too
\`\`\`

${table([
  ['file', 'what it is'],
  [`\`src/${file}.ts\``, 'the UDF'],
  [`\`test/${file}.test.ts\``, 'its test'],
  ['`recordings/cpu.lp`', "the points that the test replays, as InfluxDB's line protocol"],
  [`\`tickscripts/tasks/${file}.tick\``, 'a task that uses it; `npx kapacitor-udf tasks apply tickscripts`'],
  [`\`tickscripts/tests/${file}.yaml\``, 'the test of the task'],
])}

TypeScript runs without a build step: Node.js erases the types from 22.18 on, \`ts-blank-space\` for older ones. So imports of
own files name them as they are (\`./mean.ts\`), and syntax that needs generated code, such as \`enum\`, does not compile.
`;
