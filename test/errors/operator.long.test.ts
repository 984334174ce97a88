import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { liveSocket } from '../support/socket-files.js';
import { runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

/** What an operator gets wrong: each command ends with one line that says what, where, and what to do. */

/** Files of the mistakes, in a directory that messages call DIR. */
const files: Readonly<Record<string, string>> = {
  'points.lp': 'cpu v=1 1\n',
  'json.lp': '{"name":"cpu"}\n',
  'points.dat': 'cpu v=1 1\n',
  'misspelt.jsonl': '{"name":"cpu","feilds":{"v":1}}\n',
  'empty.conf': '[http]\n',
  'broken.conf': '[udf.functions.mirror\nsocket = "/x"\n',
  'unknown.conf': '[udf.functions.mirorr]\nsocket = "/x"\n',
  'neither.conf': '[udf.functions.mirror]\nsockt = "/x"\n',
  'nothing.mjs': 'export {};\n',
  'plain.mjs': "export default { name: 'x', wants: 'stream', provides: 'stream' };\n",
  'function.mjs': 'export default () => 1;\n',
  'common.cjs': "import { defineUdf } from 'kapacitor-udf';\n",
  'syntax.mjs': 'export default\n',
  'import.mjs': "import './gone.js';\n",
  'same.mjs':
    "import { defineUdf } from 'kapacitor-udf';\n" +
    "export default defineUdf({ name: 'mirror', wants: 'stream', provides: 'stream', point: (p) => p });\n",
};

type Mistake = readonly [mistake: string, command: string, code: 1 | 2, message: string | RegExp];

const modules: readonly Mistake[] = [
  [
    'a module that is not there',
    'list --load DIR/gone.js',
    1,
    'cannot load DIR/gone.js: there is no file DIR/gone.js',
  ],
  ['a directory', 'list --load DIR', 1, 'cannot load DIR: it is a directory; name the file in it'],
  [
    'a package that is not installed',
    'list --load no-such-package',
    1,
    "cannot load no-such-package: there is no such file or package; if it is a UDF's name, it goes before --load",
  ],
  [
    'a module without an export',
    'list --load DIR/nothing.mjs',
    1,
    'DIR/nothing.mjs exports nothing; write: export default defineUdf({ … })',
  ],
  [
    'a definition without defineUdf',
    'list --load DIR/plain.mjs',
    1,
    'DIR/plain.mjs exports a plain object instead of a UDF; write: export default defineUdf({ … })',
  ],
  [
    'a function',
    'list --load DIR/function.mjs',
    1,
    'DIR/function.mjs exports a function by default; export what defineUdf() returns, not a function that calls it',
  ],
  [
    'a CommonJS module that imports',
    'list --load DIR/common.cjs',
    1,
    'cannot load DIR/common.cjs: Cannot use import statement outside a module (DIR/common.cjs:1:1); it is read as CommonJS: name it .mjs, or write "type": "module" into the package.json beside it',
  ],
  [
    'a module with a mistake in its syntax',
    'list --load DIR/syntax.mjs',
    1,
    /^cannot load DIR\/syntax.mjs: .*DIR\/syntax.mjs:\d/,
  ],
  [
    'an import that is not there',
    'list --load DIR/import.mjs',
    1,
    /^cannot load DIR\/import.mjs: Cannot find file 'DIR\/gone\.js' \(DIR\/import\.mjs:1:8\)$/,
  ],
  [
    'a name that is taken',
    'list --load DIR/same.mjs',
    1,
    'DIR/same.mjs: there are two UDFs mirror, this and one that comes with kapacitor-udf; rename one',
  ],
];

const serving: readonly Mistake[] = [
  [
    'a UDF that is misspelt',
    'serve edgeDetct --socket-dir DIR',
    2,
    'there is no UDF edgeDetct (did you mean edgeDetect?)',
  ],
  [
    'an option that is misspelt',
    'serve --sockets-dir DIR',
    2,
    "unknown option '--sockets-dir' (did you mean --socket-dir?); --help shows the usage",
  ],
  [
    'a socket that another host serves',
    'serve mirror --socket-dir DIR/used',
    1,
    'cannot listen on DIR/used/mirror.sock: another process answers there; stop it, or choose another path',
  ],
  [
    'a directory that is a file',
    'serve mirror --socket-dir DIR/points.lp',
    1,
    'cannot make the directory DIR/points.lp: DIR/points.lp is not a directory; choose another directory',
  ],
  [
    'a path that is too long',
    `serve mirror --socket-dir DIR/${'x'.repeat(100)}`,
    1,
    /the path takes \d+ bytes, and a Unix socket's at most 107; choose a shorter directory$/,
  ],
  [
    'a group that does not exist',
    'serve mirror --socket-dir DIR --socket-group nosuchgroup',
    1,
    'there is no group "nosuchgroup" in /etc/group; give one that is there, or its number',
  ],
  [
    'a configuration that is not there',
    'serve --config DIR/gone.conf',
    1,
    'cannot read DIR/gone.conf: there is no such file',
  ],
  [
    'a configuration without UDFs',
    'serve --config DIR/empty.conf',
    1,
    'DIR/empty.conf: no [udf.functions.NAME] section names a socket; kapacitor-udf config prints such sections',
  ],
  [
    'a configuration that is no TOML',
    'serve --config DIR/broken.conf',
    1,
    /^DIR\/broken.conf:1:\d+: Invalid TOML document/,
  ],
  [
    'a section of a UDF that is misspelt',
    'serve --config DIR/unknown.conf',
    1,
    /^DIR\/unknown.conf: \[udf.functions.mirorr\]: there is no UDF mirorr \(did you mean mirror\?\); add its module with --load/,
  ],
  [
    'a section without a socket',
    'serve --config DIR/neither.conf',
    1,
    'DIR/neither.conf: [udf.functions.mirror] needs a text socket or prog',
  ],
  [
    'two places for the sockets',
    'serve --config DIR/empty.conf --socket-dir DIR',
    2,
    "option '--config <file>' cannot be used with option '--socket-dir <dir>'; --help shows the usage",
  ],
  [
    'a port that is taken',
    'serve mirror --socket-dir DIR/free --http PORT',
    1,
    'cannot listen on http://127.0.0.1:PORT: another process does; stop it, or choose another port',
  ],
  [
    'a duration without a unit',
    'serve --group-ttl 10',
    2,
    /"10" is not a duration; write it as 30s, 1m30s or 500ms/,
  ],
  [
    'a policy that is none',
    'serve --on-error ignore',
    2,
    /argument 'ignore' is invalid. Allowed choices are stop, drop, pass; --help shows the usage$/,
  ],
  [
    'a check where no host is',
    'check --socket-dir DIR/gone',
    1,
    'no UDF answers in DIR/gone: there is no such directory; is the host running, with this --socket-dir?',
  ],
  [
    'a reload where no isolated host is',
    'reload --socket-dir DIR',
    1,
    'DIR/.kapacitor-udf.control: there is no socket; a host listens there if it was started with --isolate',
  ],
];

const isolation: readonly Mistake[] = [
  [
    'both ways to isolate',
    'serve mirror --isolate --isolate-udf mirror',
    2,
    "option '--isolate-udf <name>' cannot be used with option '--isolate'; --help shows the usage",
  ],
  [
    'isolating what is not hosted',
    'serve mirror outliers --isolate-udf edgeDetect',
    2,
    '--isolate-udf edgeDetect: only mirror, outliers is hosted here; name edgeDetect there too, or leave it out',
  ],
  [
    'watching without a module',
    'serve mirror --socket-dir DIR/free --watch',
    2,
    '--watch needs --load with the file of a module',
  ],
  [
    'a size in another unit',
    'serve --journal-bytes 64MB',
    2,
    "option '--journal-bytes <size>' argument '64MB' is invalid. Write it as a number of bytes, or like 64KiB, 64MiB or 1GiB; --help shows the usage",
  ],
  [
    'a reset that names no state',
    'state reset --state-dir DIR',
    2,
    'say which states to reset: --task, --node, --udf, or --all',
  ],
  [
    'a reset of a state that is not there',
    'state reset --state-dir DIR --task load',
    1,
    'no state in DIR matches; see kapacitor-udf state list, or name --task, --node and --udf',
  ],
];

const data: readonly Mistake[] = [
  [
    'an option that is misspelt',
    'replay DIR/points.lp --udf edgeDetect --set feild=v',
    2,
    '--set feild=v: the UDF has no option feild (did you mean field?)',
  ],
  [
    'a value of another type',
    'replay DIR/points.lp --udf movingAverage --set field=v --set size=ten',
    2,
    '--set size=ten: "ten" is no int, such as 10',
  ],
  [
    'an option without a value',
    'replay DIR/points.lp --udf edgeDetect --set field',
    2,
    '--set field: write it as field=text',
  ],
  [
    'an option that is missing',
    'replay DIR/points.lp --udf edgeDetect',
    1,
    /^edgeDetect: one of \.field\(\) or \.tag\(\) is required/,
  ],
  [
    'no UDF',
    'replay DIR/points.lp',
    2,
    'say what to replay against: one of --udf NAME, --socket PATH and --exec COMMAND',
  ],
  [
    'a recording that is not there',
    'replay DIR/gone.lp --udf mirror',
    1,
    'cannot read DIR/gone.lp: there is no such file',
  ],
  [
    'JSON that is called line protocol',
    'replay DIR/json.lp --udf mirror',
    1,
    'DIR/json.lp, line 1: this is JSON, not line protocol; a file of JSON Lines must be named .jsonl (column 15)',
  ],
  [
    'a name that tells no format',
    'replay DIR/points.dat --udf mirror',
    1,
    /^the name points.dat shows no known format; recordings end in .lp, .srpl, .brpl, .jsonl, .csv or .xml/,
  ],
  [
    'a key that is misspelt',
    'replay DIR/misspelt.jsonl --udf mirror',
    1,
    /^DIR\/misspelt.jsonl, line 1: it has the unknown key "feilds" \(did you mean "fields"\?\)/,
  ],
  [
    'an InfluxDB without a database',
    'feed DIR/points.lp --url http://127.0.0.1:8086',
    2,
    'http://127.0.0.1:8086: name either ?db=DATABASE (InfluxDB 1.x) or ?org=ORG&bucket=BUCKET (2.x)',
  ],
  [
    'a Kapacitor that is away',
    'tasks status --url http://127.0.0.1:PORT0',
    1,
    /^no answer from Kapacitor at http:\/\/127.0.0.1:PORT0 \(GET \/tasks\): .*; is it running, and the URL right\?$/,
  ],
  [
    'a URL without a scheme',
    'tasks status --url localhost:9092',
    2,
    '"localhost:9092" is no URL of a Kapacitor, such as http://localhost:9092',
  ],
  [
    'scripts that are not there',
    'tasks apply DIR/gone',
    1,
    'there is no directory DIR/gone; name the one that holds the TICKscripts',
  ],
  [
    'states that are not there',
    'state list --state-dir DIR/gone',
    1,
    'cannot read the state directory DIR/gone: there is no such directory',
  ],
];

/** A port that is in use, and one that is not. */
async function ports(): Promise<readonly [used: string, free: string]> {
  const portOf = async (): Promise<readonly [ReturnType<typeof createServer>, string]> => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return [server, String((server.address() as { port: number }).port)];
  };
  const [used, usedPort] = await portOf();
  onTestFinished(() => void used.close());
  const [freed, freePort] = await portOf();
  await once(freed.close(), 'close');
  return [usedPort, freePort];
}

/** What a command prints on standard error, in terms of the table. */
async function outcomeOf(command: string): Promise<{ code: number | null; lines: string[] }> {
  const directory = tempDir();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  const [used, free] = await ports();
  if (command.includes('DIR/used')) {
    mkdirSync(join(directory, 'used'));
    await liveSocket(join(directory, 'used/mirror.sock'));
  }
  const args = command.replaceAll('DIR', directory).replace(/PORT0/g, free).replace(/PORT/g, used).split(' ');
  const quiet = args[0] === 'serve' ? ['--log-level', 'error'] : [];
  const { code, stderr } = await runCli([...args, ...quiet]);
  const text = stderr.replaceAll(directory, 'DIR').replaceAll(free, 'PORT0').replaceAll(used, 'PORT');
  // Node.js itself warns of a module that it takes for CommonJS.
  const isOwn = (line: string): boolean => !line.startsWith('(');
  return { code, lines: text.trimEnd().split('\n').filter(isOwn) };
}

describe.each([
  ['a module', modules],
  ['a host', serving],
  ['isolation and states', isolation],
  ['data and servers', data],
])('a mistake with %s:', { concurrent: false }, (_, mistakes) => {
  test.each(mistakes)('%s', async (_mistake, command, code, message) => {
    const outcome = await outcomeOf(command);
    expect(outcome).toEqual({
      code,
      lines: [expect.stringMatching(typeof message === 'string' ? plain(message) : afterName(message))],
    });
  });
});

const name = 'kapacitor-udf: ';

function plain(message: string): RegExp {
  return new RegExp(`^${name}${message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}

function afterName({ source }: RegExp): RegExp {
  return new RegExp(source.startsWith('^') ? `^${name}${source.slice(1)}` : `^${name}.*${source}`);
}
