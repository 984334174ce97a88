import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { adslChanges } from '../support/adsl.js';
import { run } from '../support/run-program.js';
import { Cli, cli, runCli, serve } from '../support/spawn-cli.js';
import { tempDir, tempDirForFile } from '../support/temp-dir.js';

const recorded = (path: string): string => fileURLToPath(new URL(`../../udfs/${path}`, import.meta.url));
const adsl = recorded('edge-detect/recordings/kapacitor-1.5.7-adsl.srpl');
const cpu = recorded('outliers/recordings/kapacitor-1.5.7-cpu.brpl');
const changes = adslChanges
  .map(([time, value]) => `adsl_connection,host=router1 value="${value}" ${time}\n`)
  .join('');
const edges = ['--udf', 'edgeDetect', '--set', 'field=value'];

const directory = tempDirForFile();
const file = (name: string, content?: string): string => {
  const path = join(directory, name);
  if (content !== undefined) writeFileSync(path, content);
  return path;
};

describe('replay', () => {
  it('prints the six changes of the ADSL recording, and a summary on standard error', async () => {
    const { code, stdout, stderr } = await run('replay', adsl, ...edges);
    expect({ code, stdout }).toEqual({ code: 0, stdout: changes });
    expect(stderr).toMatch(/^17 points in, 6 points out, 0 errors; [\d.]+ s, [\d,]+ points\/s\n$/);
  });

  it.each([
    ['json', /^\{"time":"1514979051065000000","name":"adsl_connection",/],
    [
      'csv',
      /^time,name,database,retentionPolicy,tag:host,string:value\n1514979051065000000,"adsl_connection",/,
    ],
    ['table', /│ 2018-01-03 11:30:51.065 │ adsl_connection │ host=router1 │ value=SHOWTIME │/],
  ])('prints %s if that is asked for', async (format, expected) => {
    expect((await run('replay', adsl, ...edges, '--format', format)).stdout).toMatch(expected);
  });

  it('prints the points of batches with their name and tags', async () => {
    const { stdout, stderr } = await run('replay', cpu, '--udf', 'outliers', '--set', 'field=value');
    expect(stdout).toMatch(/^cpu,dc=a,host=h0 s="t",n=17,value=85 1795344738000000000\n/);
    expect(stderr).toMatch(/^120 points in \(3 batches\), 18 points out \(3 batches\), 0 errors;\n/);
  });

  it('writes a file in the format that its name tells, and reads it again', async () => {
    const out = file('changes.srpl');
    expect((await run('replay', adsl, ...edges, '--out', out)).stdout).toBe('');
    expect((await run('replay', out, '--udf', 'mirror')).stdout).toBe(changes);
  });

  it.each(['of.csv', 'of.lp.gz', 'of.jsonl.gz', 'of.srpl'])(
    'compares with a golden %s, and updates it',
    async (name) => {
      const golden = file(name);
      const expectation = ['replay', adsl, ...edges, '--expect', golden];
      expect((await run(...expectation, '--update')).code).toBe(0);
      expect((await run('replay', golden, '--udf', 'mirror', '--group-by', 'host')).stdout).toBe(changes);
      expect(await run(...expectation)).toMatchObject({ code: 0, stdout: '' });
      // What --out writes is as good a golden.
      expect((await run('replay', adsl, ...edges, '--out', golden)).code).toBe(0);
      expect(await run(...expectation)).toMatchObject({ code: 0, stdout: '' });
      const other = await run(...expectation, '--set', 'emitFirst=FALSE');
      expect(other.code).toBe(1);
      expect(other.stdout).toMatch(/^--- .*\n\+\+\+ emitted\n@@ /);
    },
  );

  it('compares batches with a golden that is a zip file, as Kapacitor stores them', async () => {
    const golden = file('out.brpl');
    const expectation = ['replay', cpu, '--udf', 'outliers', '--set', 'field=value', '--expect', golden];
    expect((await run(...expectation, '--update')).code).toBe(0);
    expect(await run(...expectation)).toMatchObject({ code: 0, stdout: '' });
    expect((await run(...expectation, '--set', 'scale=3')).code).toBe(1);
  });

  describe('leaves a file that is there as it was', () => {
    const before = 'm v=1 1\n';

    it.each([
      ['an option is wrong', ['--udf', 'edgeDetect', '--set', 'feild=v'], before, 2],
      ['a line is malformed', ['--udf', 'mirror'], `${before}m v= 2\n`, 1],
      ['a value has no place in the format', ['--udf', 'mirror'], `${before}m v="a\nb" 2\n`, 1],
    ])('when %s', async (_what, args, input, code) => {
      const out = file('kept.srpl', 'as it was');
      expect((await run('replay', file('input.lp', input), ...args, '--out', out)).code).toBe(code);
      expect(readFileSync(out, 'utf8')).toBe('as it was');
      expect(readdirSync(dirname(out)).filter((name) => name.endsWith('.part'))).toEqual([]);
    });

    it.each(['--out', '--html', '--expect'])(
      'when it is the recording that %s would write over',
      async (option) => {
        const recording = file('same.lp', before);
        const update = option === '--expect' ? ['--update'] : [];
        const result = await run('replay', recording, '--udf', 'mirror', option, recording, ...update);
        expect(result.code).toBe(2);
        expect(result.stderr).toContain('is the same file as the recording, and would overwrite it');
        expect(readFileSync(recording, 'utf8')).toBe(before);
      },
    );
  });

  it("shows the UDF's counters in lines of at most 80 columns, and hints at a field that no point has", async () => {
    const input = file('counted.csv', 'name,time,v\nm,1,1\nm,2,NaN\nm,4,x\nm,1,1\n');
    const { code, stderr } = await run(
      ...['replay', input, '--udf', 'movingAverage', '--set', 'field=v', '--set', 'period=1s', '--skip-bad'],
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /\n4 points in, 2 points out, 0 errors, 1 missing, 1 late, 1 not writable left out;\n[\d.]+ s, [\d,]+ points\/s\n$/,
    );
    for (const line of stderr.split('\n').filter((line) => !line.startsWith('left out'))) {
      expect(line.length).toBeLessThanOrEqual(80);
    }
    const missing = await run('replay', adsl, '--udf', 'edgeDetect', '--set', 'field=nosuch');
    expect(missing.stderr).toMatch(
      /^17 points in, 0 points out, 0 errors, 17 missing; .*\noption field: no point has a field nosuch \(they have value\)\n$/,
    );
  });

  it('groups as it is told', async () => {
    const input = file('two.lp', 'm,host=a v=1 1\nm,host=b v=1 2\n');
    const points = async (...groups: string[]) =>
      (await run('replay', input, '--udf', 'edgeDetect', '--set', 'field=v', ...groups)).stdout.split('\n')
        .length - 1;
    expect(await points()).toBe(2);
    expect(await points('--group-by', 'host')).toBe(2);
    expect(await points('--group-by', 'rack')).toBe(1);
    expect(await points('--group-by', '')).toBe(1);
  });

  it('leaves out and counts what is malformed only if it is told to', async () => {
    const input = file('bad.lp', 'm v=1 1\nm v=x 2\nm v=3 3\n');
    const stopped = await run('replay', input, '--udf', 'mirror');
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toMatch(
      /^kapacitor-udf: .*bad\.lp, line 2: field "v" is no number, .*: x \(column 5\)\n$/,
    );
    const went = await run('replay', input, '--udf', 'mirror', '--skip-bad');
    expect(went).toMatchObject({ code: 0, stdout: 'm v=1 1\nm v=3 3\n' });
    expect(went.stderr).toMatch(/2 points in, 2 points out, 0 errors, 1 malformed left out;\s/);
  });

  it('leaves out and counts points without fields where line protocol is written, which cannot hold them', async () => {
    const input = file('null.csv', 'name,time,x\nm,1,1\nm,2,\nm,3,3\n');
    const went = await run('replay', input, '--udf', 'mirror');
    expect(went).toMatchObject({ code: 0, stdout: 'm x=1 1\nm x=3 3\n' });
    expect(went.stderr).toMatch(
      /^1 point without fields left out: line protocol cannot hold them\n2 points in, 2 points out, 0 errors; /,
    );
    const { stdout } = await run('replay', input, '--udf', 'mirror', '--format', 'json');
    expect(stdout).toContain('{"time":"2","name":"m","tags":{},"fields":{}}\n');
  });

  it('compares with a golden file, shows the difference, and updates it', async () => {
    const golden = file('golden.lp');
    expect((await run('replay', adsl, ...edges, '--expect', golden)).stderr).toContain(
      `cannot read ${golden}: there is no such file; --update writes it`,
    );
    expect((await run('replay', adsl, ...edges, '--expect', golden, '--update')).code).toBe(0);
    expect(readFileSync(golden, 'utf8')).toBe(changes);
    expect(await run('replay', adsl, ...edges, '--expect', golden)).toMatchObject({ code: 0, stdout: '' });
    const other = await run('replay', adsl, ...edges, '--set', 'emitFirst=FALSE', '--expect', golden);
    expect(other.code).toBe(1);
    expect(other.stdout).toContain('\n-adsl_connection,host=router1 value="SHOWTIME" 1514979051065000000\n');
  });

  it('leaves a file alone whose name shows no known format', async () => {
    const out = file('points.dat', 'kept');
    const { code, stderr } = await run('replay', adsl, '--udf', 'mirror', '--out', out);
    expect(code).toBe(1);
    expect(stderr).toContain(`the name points.dat shows no known format; `);
    expect(readFileSync(out, 'utf8')).toBe('kept');
  });

  it("keeps to the points' times with a speed, so many times faster", async () => {
    const input = file('half-second.lp', 'm v=1 1000000000\nm v=2 1500000000\n');
    const took = async (...speed: string[]): Promise<number> => {
      const start = performance.now();
      expect(await run('replay', input, '--udf', 'mirror', ...speed)).toMatchObject({ code: 0 });
      return performance.now() - start;
    };
    expect(await took('--speed', '2x')).toBeGreaterThanOrEqual(240);
    expect(await took('--speed', 'real')).toBeGreaterThanOrEqual(490);
  });

  it('writes a page, and says if not all found room on it', async () => {
    const page = file('page.html');
    const { code, stderr } = await run('replay', adsl, ...edges, '--html', page);
    expect(code).toBe(0);
    expect(stderr).not.toContain('are not on it');
    expect(readFileSync(page, 'utf8')).toContain('1514979051065000000');
    const input = file('many.lp', Array.from({ length: 100_002 }, (_, at) => `m v=1 ${at}\n`).join(''));
    const much = await run('replay', input, '--udf', 'edgeDetect', '--set', 'field=v', '--html', page);
    expect(much.stderr).toContain(`${page} shows the first 100,000 points each way; 2 are not on it\n`);
  });

  it('takes options by their types', async () => {
    const input = file('numbers.lp', 'm v=1 1000000000\nm v=3 2000000000\n');
    const average = (...sets: string[]) =>
      run(
        'replay',
        input,
        '--udf',
        'movingAverage',
        '--set',
        'field=v',
        ...sets.flatMap((set) => ['--set', set]),
      );
    expect((await average('size=2', 'as=mean', 'keep=TRUE')).stdout).toBe(
      'm v=1,mean=1 1000000000\nm v=3,mean=2 2000000000\n',
    );
    expect((await average('period=500ms')).stdout).toBe('m avg=1 1000000000\nm avg=3 2000000000\n');
  });

  it.each([
    [[], 'say what to replay against: one of --udf NAME, --socket PATH and --exec COMMAND', 2],
    [['--udf', 'edgeDetec'], 'there is no UDF edgeDetec (did you mean edgeDetect?)', 2],
    [
      ['--udf', 'rateLimit'],
      'mirrorBatch, movingAverage, outliers, predict; --load takes the module of another)',
      2,
    ],
    [
      ['--udf', 'edgeDetect', '--set', 'feild=v'],
      '--set feild=v: the UDF has no option feild (did you mean field?)',
      2,
    ],
    [['--udf', 'edgeDetect', '--set', 'emitFirst=x'], '--set emitFirst=x: "x" is no bool, such as TRUE', 2],
    [['--udf', 'edgeDetect', '--set', 'field'], '--set field: write it as field=text', 2],
    [['--udf', 'edgeDetect'], 'edgeDetect: one of .field() or .tag() is required (task fails: ', 1],
    [['--udf', 'mirror', '--update'], '--update needs --expect GOLDEN', 2],
    [['--udf', 'mirror', '--speed', 'fast'], 'It must be max, real, or a factor like 60x', 2],
    [['--udf', 'mirror', '--group-by', 'a,,b'], "Write it as host,region, or '*'", 2],
    [['--udf', 'mirror', '--out', '/nowhere/points.lp'], 'cannot write /nowhere/points.lp: ', 1],
    [['--socket', '/nowhere.sock'], 'cannot connect to /nowhere.sock: there is no such socket', 1],
    [
      ['--udf', 'mirror', '--out', 'x.lp', '--html', './x.lp'],
      '--html ./x.lp is the same file as that of --out',
      2,
    ],
    [['--udf', 'mirror', '--watch'], '--watch needs --load with the file of a module', 2],
  ])('with %j says in one line what is wrong', async (args, message, code) => {
    const { code: actual, stderr } = await run('replay', adsl, ...args, '--log-level', 'silent');
    const line = stderr.split('\n').find((text) => text.startsWith('kapacitor-udf: '));
    expect(line).toContain(message);
    expect(actual).toBe(code);
  });
});

it('of a directory says that it is one', async () => {
  const { code, stderr } = await run('replay', directory, '--udf', 'mirror');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `kapacitor-udf: ${directory} is a directory, not a recording\n`,
  });
});

describe('replay against an agent of another process', () => {
  it('takes one that listens on a socket', async () => {
    const sockets = tempDir();
    await serve(['edgeDetect', '--socket-dir', sockets]);
    const socket = join(sockets, 'edgeDetect.sock');
    expect((await run('replay', adsl, '--socket', socket, '--set', 'field=value')).stdout).toBe(changes);
  });

  it('starts one by a command', async () => {
    const command = `${process.execPath} ${cli} stdio edgeDetect --log-level error`;
    expect((await run('replay', adsl, '--exec', command, '--set', 'field=value')).stdout).toBe(changes);
  });

  it.each([
    ['exit 3', 'with exit code 3'],
    ['echo hi', 'with exit code 0'],
    ['head -c 1 > /dev/null; exit 4', 'with exit code 4'],
  ])('says that a command ended, and how: %s', async (command, how) => {
    const { code, stderr } = await run('replay', adsl, '--exec', command);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `kapacitor-udf: the command of --exec ended ${how} before the replay was over\n`,
    });
  });
});

it('says of an agent that repeats what it hears that it does', async () => {
  const { code, stderr } = await run('replay', adsl, '--exec', 'cat');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^kapacitor-udf: the init request came back as it was sent: .*\(task fails: .*\n$/);
});

describe('replay as a process', () => {
  it('reads standard input with -, as line protocol or as told', async () => {
    const replayed = async (text: string, ...args: string[]): Promise<Cli> => {
      const replay = new Cli(['replay', '-', '--udf', 'mirror', ...args], { stdio: 'pipe' });
      replay.process.stdout!.setEncoding('utf8').on('data', (part: string) => {
        replay.stdout += part;
      });
      replay.process.stdin!.end(text);
      expect(await replay.ended).toMatchObject({ code: 0 });
      return replay;
    };
    expect((await replayed('m v=1 1\n')).stdout).toBe('m v=1 1\n');
    const csv = 'name,time,v\nm,1,1\n';
    expect((await replayed(csv, '--input-format', 'csv')).stdout).toBe('m v=1 1\n');
  });

  it('reports promises that a UDF rejects and does not await, and exits with 1 at the end', async () => {
    const module = join(tempDir(), 'rejecting.mjs');
    writeFileSync(
      module,
      `import { defineUdf } from 'kapacitor-udf';
export default defineUdf({ name: 'rejecting', wants: 'stream', provides: 'stream',
  point(point, { emit }) { emit(point); void Promise.reject(new Error('lost')); } });\n`,
    );
    const { code, stdout, stderr } = await runCli(['replay', adsl, '--udf', 'rejecting', '--load', module]);
    expect(code).toBe(1);
    expect(stdout.split('\n')).toHaveLength(18);
    expect(stderr).toContain(
      `a promise was rejected that was not awaited: lost; return or await it in the handler (at ${module}:3)\n`,
    );
    expect(stderr.match(/was not awaited/g)).toHaveLength(10);
    expect(stderr).toContain('17 points in, 17 points out, 0 errors; ');
    expect(stderr).toMatch(/17 promises of the UDF rejected without being awaited\n$/);
  });

  it('ends with one line where a UDF throws outside of its handlers, and leaves no part of a file', async () => {
    const directory = tempDir();
    const module = join(directory, 'throwing.mjs');
    writeFileSync(
      module,
      `import { defineUdf } from 'kapacitor-udf';
export default defineUdf({ name: 'throwing', wants: 'stream', provides: 'stream',
  async point() {
    setTimeout(() => { throw new Error('too late'); });
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  } });\n`,
    );
    const out = join(directory, 'out.lp');
    const args = ['replay', adsl, '--udf', 'throwing', '--load', module, '--out', out];
    expect(await runCli(args)).toEqual({
      code: 1,
      stdout: '',
      stderr: `kapacitor-udf: the UDF threw outside of its handlers: too late (at ${module}:4)\n`,
    });
    expect(readdirSync(dirname(out)).filter((name) => name.startsWith(basename(out)))).toEqual([]);
  });

  it.skipIf(!existsSync('/dev/full'))('says that standard output cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    try {
      const { code, stderr } = await runCli(['replay', adsl, ...edges], { stdio: ['ignore', full, 'pipe'] });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^kapacitor-udf: cannot write to standard output: no space left on device\n$/);
    } finally {
      closeSync(full);
    }
  });

  it('ends without a word when the reader of its output has gone', async () => {
    const input = file('long.lp', Array.from({ length: 50_000 }, (_, at) => `m v=${at} ${at}\n`).join(''));
    const replay = new Cli(['replay', input, '--udf', 'mirror'], { stdio: ['ignore', 'pipe', 'pipe'] });
    replay.process.stdout!.once('data', () => replay.process.stdout!.destroy());
    await replay.ended;
    expect(replay.stderr).toBe('');
  });

  it('with --watch runs again when the module changes', async () => {
    const modules = tempDir();
    const module = join(modules, 'marking.mjs');
    const write = (mark: string): void => {
      writeFileSync(
        module,
        `import { defineUdf } from 'kapacitor-udf';
export default defineUdf({ name: 'marking', wants: 'stream', provides: 'stream',
  point(point, { emit }) { emit(point.replaceFields({ mark: '${mark}' })); } });\n`,
      );
    };
    write('one');
    const out = join(modules, 'out.lp');
    const golden = (): string => (existsSync(out) ? readFileSync(out, 'utf8') : '');
    const watching = new Cli(['replay', adsl, '--udf', 'marking', '--load', module, '--out', out, '--watch']);
    await until('the first run is over', () => golden().includes('mark="one"'));
    write('two');
    await until('the second run is over', () => golden().includes('mark="two"'));
    await watching.stop();
  });

  it('has help with an example', async () => {
    expect((await runCli(['replay', '--help'])).stdout).toContain('$ kapacitor-udf replay adsl.srpl');
  });
});
