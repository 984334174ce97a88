import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defineUdf, option } from 'kapacitor-udf';
import { packHeader } from '../../src/agent/state/header.js';
import { diagnose, diagnosisText, type Finding, hasProblems } from '../../src/doctor/diagnose.js';
import { stateExtension, stateFileName, writeStateFile } from '../../src/host/state/state-file.js';
import { encodeResponse } from '../../src/wire/messages.js';
import { mirror } from '../../udfs/index.js';
import { staleSocket } from '../support/socket-files.js';
import { section, setUp, taskOf } from './support/setup.js';

/** Findings as lines, without the remedy. */
const lines = (findings: readonly Finding[]): string[] =>
  findings.map(({ severity, where, what }) => `${severity} ${where}: ${what}`);

test('a setup that is right has no finding, and Kapacitor is asked to define nothing that it could take', async () => {
  const setup = await setUp();
  setup.kapacitor.tasks.push(taskOf('fine', 'stream|from()@mirror().quiet()'));
  expect(await setup.findings()).toEqual([]);
  expect(setup.kapacitor.scripts).toHaveLength(2);
  for (const script of setup.kapacitor.scripts) expect(script).toMatch(/\.kapacitorUdfDoctor\(\)$/);
});

describe('sockets', () => {
  test('that are absent, stale, or something else are errors, each with its remedy', async () => {
    const setup = await setUp([mirror]);
    const [absent, stale, file] = ['absent', 'stale', 'file'].map((name) => setup.socketOf(name));
    await staleSocket(stale!);
    writeFileSync(file!, '');
    setup.configure(
      [absent, stale, file].map((path, index) => section(`udf${index}`, `socket = "${path}"`)).join(''),
    );
    const findings = (await setup.findings()).filter(({ severity }) => severity === 'error');
    expect(lines(findings)).toEqual([
      `error ${absent}: @udf0 does not answer: there is no socket`,
      `error ${stale}: @udf1 does not answer: the socket is stale, its host has ended`,
      `error ${file}: @udf2 does not answer: the file is not a socket`,
    ]);
    expect(findings.map(({ remedy }) => remedy)).toEqual([
      `start the host: kapacitor-udf serve --config ${setup.config}`,
      `start the host: kapacitor-udf serve --config ${setup.config}; it replaces the socket`,
      `remove it, then start the host: kapacitor-udf serve --config ${setup.config}`,
    ]);
  });

  test('that a task waits for are said to endanger Kapacitor', async () => {
    const setup = await setUp([mirror]);
    await setup.stopHost();
    setup.kapacitor.tasks.push(taskOf('adsl', 'stream|from()@mirror()'));
    const [first] = await setup.findings();
    expect(first!.what).toBe(
      '@mirror does not answer: there is no socket; task adsl uses it, and Kapacitor may crash if a snapshot is due while the task starts',
    );
  });

  test('on which something else answers are errors', async () => {
    const setup = await setUp([mirror]);
    const path = setup.socketOf('other');
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(encodeResponse({ kind: 'error', error: 'not today' }));
    });
    await once(server.listen(path), 'listening');
    onTestFinished(() => void server.close());
    setup.configure(section('other', `socket = "${path}"`));
    expect(lines(await setup.findings())).toEqual([
      `error ${path}: @other does not answer as a UDF does: it answers with an error: not today`,
    ]);
  });

  test('that are shared, relative or too long are errors', async () => {
    const setup = await setUp([mirror]);
    const path = setup.socketOf('mirror');
    const long = join(setup.sockets, `${'x'.repeat(120)}.sock`);
    setup.configure(
      section('mirror', `socket = "${path}"`) +
        section('twin', `socket = "${path}"`) +
        section('near', 'socket = "near.sock"') +
        section('long', `socket = "${long}"`),
    );
    const whats = (await setup.findings()).map(({ what }) => what);
    expect(whats).toContain('@mirror and @twin have the same socket; one host serves one UDF on each');
    expect(whats).toContain(
      'the socket of @near is a relative path, which each process resolves in a directory of its own',
    );
    expect(whats).toContainEqual(expect.stringContaining("a Unix socket's at most 107"));
  });

  test('that dead hosts have left beside the others are warnings, live ones are not', async () => {
    const setup = await setUp();
    const left = join(setup.sockets, '.old.sock.0a1b2c3');
    await staleSocket(left);
    setup.configure(section('mirror', `socket = "${setup.socketOf('mirror')}"`)); // outliers is served, too
    expect(await setup.findings()).toEqual([
      {
        severity: 'warning',
        check: 'sockets',
        where: left,
        remedy: 'remove it',
        what: 'a stale socket: no process listens there, and no section of the configuration names it',
      },
    ]);
  });
});

describe('the configuration', () => {
  test('that cannot be read or parsed, or names no UDF, is a finding', async () => {
    const setup = await setUp([mirror]);
    setup.configure('[udf.functions.mirror\n');
    expect(lines(await setup.findings())[0]).toMatch(/kapacitor.conf: .*kapacitor.conf:1:\d+: /);
    setup.configure('[http]\n');
    expect(lines(await setup.findings())).toEqual([
      `warning ${setup.config}: no [udf.functions.NAME] section: Kapacitor knows no UDF`,
    ]);
    setup.configure(section('a', 'prog = "node"'));
    procWith(setup, setup.config, 0);
    setup.kapacitor.tasks.push(taskOf('old', 'stream|from()@gone()'));
    expect(lines(await setup.findings())).toEqual([
      `warning task old: it uses @gone, which has no section in ${setup.config}: it fails when Kapacitor starts next`,
    ]);
    expect(lines(await setup.findings({ config: '/none/kapacitor.conf' }))).toEqual([
      'error /none/kapacitor.conf: cannot read /none/kapacitor.conf: there is no such file',
    ]);
  });

  test.each([
    ['', 'error', 'it has no timeout, or one that is no duration: Kapacitor does not start'],
    ['timeout = 10', 'error', 'it has no timeout, or one that is no duration: Kapacitor does not start'],
    ['timeout = "1ms"', 'error', 'it has a timeout of 1 ms: Kapacitor does not start'],
    [
      'timeout = "1.001ms"',
      'error',
      expect.stringMatching(/^its timeout is 1.001 ms, and the UDF took .* ms/),
    ],
    [
      'timeout = "0.9s"',
      'warning',
      expect.stringMatching(/^its timeout is 900 ms: a busy machine may take longer/),
    ],
  ] as [timeout: string, severity: string, what: string][])(
    'with the timeout "%s" is found by the answer that was measured',
    async (timeout, severity, what) => {
      const setup = await setUp([mirror]);
      setup.configure(section('mirror', `socket = "${setup.socketOf('mirror')}"`, timeout));
      expect(await setup.findings()).toMatchObject([{ severity, check: 'timeout', what }]);
    },
  );

  test('names programs that must exist, and that Kapacitor must be allowed to run', async () => {
    const setup = await setUp([mirror]);
    const prog = join(setup.directory, 'prog');
    writeFileSync(prog, '', { mode: 0o644 });
    setup.configure(
      section('gone', 'prog = "/none/node"') +
        section('closed', `prog = "${prog}"`) +
        section('found', 'prog = "node"') +
        section('empty', 'args = []'),
    );
    expect(lines(await setup.findings())).toEqual([
      'error [udf.functions.gone]: its prog /none/node does not exist, and Kapacitor does not start without it',
      expect.stringContaining(
        `error [udf.functions.closed]: Kapacitor's user (root, uid 0) may not run its prog ${prog}`,
      ),
      'error [udf.functions.empty]: it has neither a socket nor a prog',
    ]);
  });

  test('with snapshots that are off or dangerously often is a warning', async () => {
    const setup = await setUp([mirror]);
    const udf = section('mirror', `socket = "${setup.socketOf('mirror')}"`);
    setup.configure(`${udf}[task]\nsnapshot-interval = "0"\n`);
    expect((await setup.findings()).map(({ what }) => what)).toEqual([
      'snapshot-interval is 0: Kapacitor keeps no state of tasks over its restarts',
    ]);
    setup.configure(`${udf}[task]\nsnapshot-interval = "2s"\n`);
    expect((await setup.findings()).map(({ what }) => what)).toEqual([
      'snapshot-interval is 2000 ms: a snapshot that is due while the host restarts can crash Kapacitor',
    ]);
  });
});

/** A proc file system with a kapacitord that listens at the URL and runs as a user of no groups but its own. */
function procWith(
  setup: { directory: string; kapacitor: { url: string } },
  config: string,
  uid = 4_242,
): string {
  const proc = join(setup.directory, 'proc');
  const daemon = join(proc, '7');
  mkdirSync(join(daemon, 'net'), { recursive: true });
  mkdirSync(join(daemon, 'fd'));
  const port = Number(new URL(setup.kapacitor.url).port).toString(16).toUpperCase().padStart(4, '0');
  const row = `0: 0100007F:${port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 55 1`;
  for (const [name, content] of [
    ['../uptime', '100000.00 1.0'],
    ['comm', 'kapacitord\n'],
    ['cmdline', `kapacitord\0-config\0${config}\0`],
    ['status', `Name:\tkapacitord\nUid:\t0\t0\t0\t${uid}\nGid:\t0\t0\t0\t${uid}\nGroups:\t${uid} \n`],
    ['stat', `7 (kapacitord) S ${'0 '.repeat(18)}1000 0`],
    ['net/tcp', `header\n   ${row}\n`],
    ['net/unix', 'Num RefCount Protocol Flags Type St Inode Path\n'],
  ] as const) {
    writeFileSync(join(daemon, name), content);
  }
  symlinkSync('socket:[55]', join(daemon, 'fd/3'));
  symlinkSync('/', join(daemon, 'root'));
  return proc;
}

describe('the running kapacitord', () => {
  test('tells its configuration file and its user, who may not enter the directory of the sockets', async () => {
    const setup = await setUp();
    procWith(setup, setup.config);
    chmodSync(setup.directory, 0o755);
    chmodSync(setup.sockets, 0o750);
    expect(await setup.findings({ config: undefined, kapacitorUser: undefined })).toMatchObject([
      {
        severity: 'error',
        check: 'access',
        where: setup.sockets,
        what: expect.stringMatching(
          /^Kapacitor's user \(process 7, uid 4242\) may not enter this directory, in which sockets are: owner \d+, group \w+, mode 750$/,
        ) as string,
      },
    ]);
  });

  test('may not connect to sockets that are closed to its user', async () => {
    const setup = await setUp([mirror]);
    procWith(setup, setup.config);
    for (const directory of [setup.directory, setup.sockets]) chmodSync(directory, 0o755);
    const options = { config: undefined, kapacitorUser: undefined };
    const path = setup.socketOf('mirror');
    for (const [mode, remedy] of [
      [0o660, 'add that user to the group '],
      [0o600, 'start the host with --socket-mode 660'],
    ] as const) {
      chmodSync(path, mode);
      expect(await setup.findings(options)).toMatchObject([
        { check: 'access', where: path, remedy: expect.stringContaining(remedy) as string },
      ]);
    }
    chmodSync(path, 0o666);
    expect(await setup.findings(options)).toEqual([]);
  });

  test('has lost the connection of a task that it shows as running', async () => {
    const setup = await setUp([mirror]);
    procWith(setup, setup.config, 0);
    setup.kapacitor.tasks.push(taskOf('idle', 'stream|from()@mirror()'));
    expect(await setup.findings()).toMatchObject([
      {
        severity: 'error',
        check: 'tasks',
        where: 'task idle',
        what: 'Kapacitor shows it as running, but its connection to the host of its UDFs is gone: it ends at its next point',
        remedy: 'kapacitor-udf tasks restart idle; serve --kapacitor URL does so by itself',
      },
    ]);
  });

  test('that is not found leaves its user to be named', async () => {
    const setup = await setUp();
    expect(await setup.findings({ kapacitorUser: undefined })).toMatchObject([
      { severity: 'note', check: 'access', remedy: 'name its user with --kapacitor-user' },
    ]);
  });
});

test('a user that does not exist is an error with a remedy, and all else is checked', async () => {
  const setup = await setUp([mirror]);
  await setup.stopHost();
  const missing = { kapacitorUser: 'nobody-of-this-name', kapacitor: { url: 'http://127.0.0.1:1' } };
  expect(await setup.findings(missing)).toMatchObject([
    {
      severity: 'error',
      check: 'setup',
      where: '--kapacitor-user nobody-of-this-name',
      what: 'there is no user "nobody-of-this-name" in /etc/passwd, so that access to the sockets is not checked',
      remedy: expect.stringContaining('name the user that it runs as') as string,
    },
    { severity: 'error', check: 'setup', where: 'http://127.0.0.1:1' },
    { severity: 'error', check: 'sockets', where: setup.socketOf('mirror') },
  ]);
});

test('a directory in which any user may replace the sockets is a warning, unless it is sticky', async () => {
  const setup = await setUp();
  chmodSync(setup.sockets, 0o777);
  expect(await setup.findings()).toMatchObject([
    { severity: 'warning', where: setup.sockets, remedy: `chmod o-w ${setup.sockets}` },
  ]);
  chmodSync(setup.sockets, 0o1777);
  expect(await setup.findings()).toEqual([]);
});

describe('what Kapacitor knows of a UDF', () => {
  const udf = defineUdf({
    name: 'scale',
    wants: 'stream',
    provides: 'stream',
    options: {
      field: option.string({ doc: 'A field.' }),
      factor: option.double({ doc: 'A factor.' }),
    },
    point: (point) => point,
  });
  const remedy = 'restart Kapacitor while the host runs: it asks each UDF once, at its start';

  test('is too old if an option is missing, or has other arguments', async () => {
    const setup = await setUp([udf]);
    const known = setup.kapacitor.infos.get('scale')!;
    const others = Object.entries(known.options).filter(([name]) => name !== 'factor');
    const options = { ...Object.fromEntries(others), field: ['string', 'int'] } as const;
    setup.kapacitor.infos.set('scale', { ...known, options });
    expect(await setup.findings()).toEqual([
      {
        severity: 'error',
        check: 'info',
        where: '@scale().field()',
        remedy,
        what: 'Kapacitor knows this option with other arguments than the UDF has now: unexpected number of args to field, got 1 expected 2',
      },
      {
        severity: 'error',
        check: 'info',
        where: '@scale().factor()',
        remedy,
        what: 'Kapacitor does not know this option, which the UDF has now',
      },
    ]);
  });

  test('is too old if it provides something else now, or is not known at all', async () => {
    const setup = await setUp([udf]);
    setup.kapacitor.infos.set('scale', { ...setup.kapacitor.infos.get('scale')!, provides: 'batch' });
    expect(lines(await setup.findings())).toEqual([
      'error @scale: Kapacitor takes it for a UDF that provides a batch, but it provides a stream now',
    ]);
    setup.kapacitor.infos.delete('scale');
    expect(lines(await setup.findings())).toEqual([
      'error @scale: Kapacitor does not know it: its section came into the configuration after the start of Kapacitor',
    ]);
  });

  test('is not seen by a user who may not define tasks', async () => {
    const setup = await setUp([udf]);
    setup.kapacitor.refusesWith = 403;
    expect(await setup.findings()).toMatchObject([
      { severity: 'note', check: 'info', what: expect.stringContaining('not authorized') as string },
    ]);
  });
});

describe('tasks', () => {
  test('that have stopped are errors, with a remedy that fits the cause', async () => {
    const setup = await setUp([mirror]);
    const stopped = { executing: false, stats: null };
    setup.kapacitor.tasks.push(
      taskOf('dead', 'stream|from()@mirror()', {
        ...stopped,
        error:
          'mirror2: stopping UDF server: write error: write unix @->/run/mirror.sock: write: broken pipe',
      }),
      taskOf('wrong', 'stream|from()@mirror()', { ...stopped, error: 'mirror2: .size() is required\nsee' }),
      taskOf('off', 'stream|from()@mirror()', { ...stopped, status: 'disabled', error: 'old' }),
      taskOf('plain', 'stream|from()', { ...stopped, error: 'not about UDFs' }),
    );
    expect(await setup.findings()).toMatchObject([
      {
        where: 'task dead',
        what: expect.stringMatching(/^it lost its UDF: .*broken pipe$/) as string,
        remedy: expect.stringMatching(/^start the host, then kapacitor-udf tasks restart dead/) as string,
      },
      {
        where: 'task wrong',
        what: 'it has stopped: mirror2: .size() is required see',
        remedy: 'mend what the error names, then kapacitor-udf tasks restart wrong',
      },
    ]);
  });

  test('that use what the configuration or the UDF no longer has are warnings', async () => {
    const setup = await setUp([mirror]);
    setup.kapacitor.tasks.push(taskOf('old', "stream|from()@gone()@mirror().onErorr('drop')"));
    expect(await setup.findings()).toMatchObject([
      {
        severity: 'warning',
        what: `it uses @gone, which has no section in ${setup.config}: it fails when Kapacitor starts next`,
      },
      {
        severity: 'warning',
        what: 'it calls .onErorr() of @mirror, which the UDF no longer has: it fails when it is enabled next',
        remedy: 'remove the call (or did you mean .onError()?) and define the task again',
      },
    ]);
  });
});

describe('states', () => {
  const use = { udf: 'mirror', task: 'load', node: 'mirror2' };

  test('of Kapacitor are too old if its database is not written while a task runs', async () => {
    const setup = await setUp([mirror]);
    const boltdb = join(setup.directory, 'kapacitor.db');
    writeFileSync(boltdb, '');
    setup.configure(
      section('mirror', `socket = "${setup.socketOf('mirror')}"`) + `[storage]\nboltdb = "${boltdb}"\n`,
    );
    expect(await setup.findings()).toEqual([]);
    const old = Date.now() / 1_000 - 3_600;
    utimesSync(boltdb, old, old);
    expect(await setup.findings()).toEqual([]); // no task runs
    setup.kapacitor.tasks.push(taskOf('load', 'stream|from()@mirror()'));
    expect(lines(await setup.findings())).toEqual([
      `warning ${boltdb}: Kapacitor has stored no snapshot for 1h, though task load runs and one is due every 1m`,
    ]);
  });

  test('of a directory are damaged, of tasks that are gone, or too old', async () => {
    const setup = await setUp([mirror]);
    const stateDir = join(setup.directory, 'states');
    mkdirSync(stateDir);
    const revision = { epoch: 0, run: 1, sequence: 1 };
    const save = async (task: string): Promise<string> => {
      const path = join(stateDir, stateFileName({ ...use, task }) + stateExtension);
      await writeStateFile(
        path,
        { ...use, task },
        packHeader({ udf: 'mirror', version: 1, groups: 0, revision }),
      );
      return path;
    };
    await save('load');
    await save('gone');
    writeFileSync(join(stateDir, `damaged${stateExtension}`), 'x');
    setup.kapacitor.tasks.push(taskOf('load', 'stream|from()@mirror()'));
    const findings = await setup.findings({ stateDir });
    expect(findings.map(({ severity }) => severity)).toEqual(['error', 'warning', 'note']);
    expect(findings[0]!.what).toContain('damaged');
    expect(findings[1]!.what).toBe('no running host keeps its states there');
    expect(lines(findings)[2]).toBe(
      `note ${stateDir}: gone, mirror2, @mirror: Kapacitor has no such task any more`,
    );
    expect(lines(await setup.findings({ stateDir: '/none' }))).toEqual([
      'error /none: cannot read the state directory /none: there is no such directory',
    ]);
  });
});

test('a Kapacitor that does not answer is an error, and without it the rest is checked', async () => {
  const setup = await setUp();
  const findings = await setup.findings({ kapacitor: { url: 'http://127.0.0.1:1' } });
  expect(findings).toMatchObject([{ severity: 'error', check: 'setup', where: 'http://127.0.0.1:1' }]);
  expect(await setup.findings({ kapacitor: undefined })).toEqual([]);
});

describe('a diagnosis', () => {
  test('names the defects of the version of Kapacitor, which are no problems', async () => {
    const setup = await setUp();
    const kapacitor = { url: setup.kapacitor.url };
    const ask = () => diagnose({ config: setup.config, kapacitor, kapacitorUser: '0' });
    const diagnosis = await ask();
    expect(diagnosis).toMatchObject({ udfs: 2, tasks: 0, kapacitor: { version: '1.8.3' } });
    expect(diagnosis.findings.map(({ severity }) => severity)).toEqual(['note', 'note', 'note']);
    expect(diagnosisText(diagnosis)).toContain('send on closed channel');
    expect(diagnosisText(diagnosis)).toMatch(/\nno problem \(3 notes\)$/);
    expect(hasProblems(diagnosis)).toBe(false);
    for (const version of ['1.9.0', '1.5.6', '']) {
      setup.kapacitor.version = version;
      expect(lines((await ask()).findings)[0]).toMatch(
        /^note Kapacitor (1\.9\.0|1\.5\.6|unknown) at http:.*: kapacitor-udf is tested with versions 1\.5\.7 to 1\.8\.3$/,
      );
    }
  });

  test('shows errors first, three lines each, and what was checked', async () => {
    const setup = await setUp([mirror]);
    await setup.stopHost();
    const text = diagnosisText(await diagnose({ config: setup.config, kapacitorUser: '0' }));
    expect(text).toBe(
      `error    @mirror does not answer: there is no socket
   where: ${setup.socketOf('mirror')}
   to do: start the host: kapacitor-udf serve --config ${setup.config}

checked: 1 UDF; ${setup.config}; no Kapacitor
1 error, 0 warnings, 0 notes`,
    );
  });
});
