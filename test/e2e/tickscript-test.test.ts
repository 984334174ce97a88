import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { gzipSync } from 'node:zlib';
import { globSync } from 'tinyglobby';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';
import { cliCommand, packageFolder } from './support/cli.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { database } from './support/test-task.js';
import { until } from './support/until.js';

const { missing, title } = needs(
  'kapacitor-udf test, on a real Kapacitor,',
  ['KAPACITORD', 'INFLUXD'],
  'CREATE DATABASE',
);

describe.skipIf(missing)(title, () => {
  const stack = useStack({ databases: [database] });
  const test = (...args: string[]) => run('test', ...args, '--kapacitor', stack.kapacitor.url);

  /** A file with cases, and a script `it` beside it. */
  const cases = (script: string, text: string): string => {
    const directory = tempDir();
    writeFileSync(join(directory, 'it.tick'), script);
    const file = join(directory, 'cases.yaml');
    writeFileSync(file, `tests:\n${text}`);
    return file;
  };
  const one = (more: string): string => `  - name: one\n    task_name: it\n${more}`;

  afterEach(async () => {
    expect(await stack.kapacitor.tasks()).toEqual([]);
    expect(await stack.influx.query('SHOW DATABASES')).toEqual([{ name: database }]);
  });

  it("finds this package's TICKscripts to do what they say, and leaves nothing behind", async () => {
    const files = globSync('tickscripts/{,onnx/}tests/*.yaml', {
      cwd: packageFolder,
      absolute: true,
    });
    const scripts = ['tickscripts/tasks', 'tickscripts/onnx/tasks'].flatMap((folder) =>
      readdirSync(join(packageFolder, folder)).map((file) => parse(file).name),
    );
    expect(files.map((file) => parse(file).name).sort()).toEqual(scripts.sort());
    const caseCount = files.flatMap((file) => readFileSync(file, 'utf8').match(/^ {2}- name: /gm)!).length;
    const { code, stdout } = await test(...files, '--influx', stack.influx.url);
    expect(stdout.endsWith(`\n${caseCount} passed\n`), stdout).toBe(true);
    expect(code).toBe(0);
    const written = await stack.influx.query(
      `SHOW MEASUREMENTS ON ${database} WITH MEASUREMENT =~ /adsl|noise|energy|electricity|voltage|meter/`,
    );
    expect(written).toEqual([]);
    await expect(stack.kapacitor.topicEvents('adsl')).rejects.toThrow(/does not exist|unknown/);
  }, 60_000);

  it('shows what is not as expected, and exits with 1', async () => {
    const script = `stream
    |from().groupBy('host')
    @edgeDetect().field('v')
    |alert().id('{{ index .Tags "host" }}').message('{{ .Level }} in {{ .TaskName }}').crit(lambda: "v" > 1)`;
    const file = cases(
      script,
      one(`    data: |
      m,host=a v=1i 1
      m,host=a v=2i 2
    expects:
      crit: 2
      counts: { edgeDetect: 3 }
      points:
        edgeDetect: |
          m,host=a v=1i 1
          m,host=a v=3i 2
      alerts: [{ level: WARNING, message: none }]
`),
    );
    const junit = join(tempDir(), 'report.xml');
    const { code, stdout } = await test(file, '--junit', junit);
    expect(code).toBe(1);
    const lines = stdout.split('\n').map((line) => line.trim());
    expect(lines[0]).toMatch(/^FAIL {3}one {2}\(it, [0-9.]+ m?s\)$/);
    expect(lines.slice(1).filter((line) => line !== '')).toEqual([
      `${file}:2`,
      ...[
        'edgeDetect: expected 2 points, got 2 with other content',
        'm,host=a v=1 1',
        '- m,host=a v=3 2',
        '+ m,host=a v=2 2',
      ],
      'edgeDetect: expected 3 points, got 2',
      'expected 2 alerts of level CRITICAL, got 1',
      ...['expected 1 alert, got 1', '- WARNING "none"', '+ CRITICAL "CRITICAL in it" (id "a")'],
      '0 passed, 1 failed',
    ]);
    expect(readFileSync(junit, 'utf8')).toContain('<testsuites tests="1" failures="1" errors="0"');
    expect((await test(file, '--tap')).stdout).toMatch(/^TAP version 13\n1\.\.1\nnot ok 1 - one\n {2}---\n/);
  });

  it('says why a case cannot be run, with the reason of Kapacitor, and goes on with the others', async () => {
    const script = 'var size int\nstream|from()@movingAverage().field("v").size(size)';
    const size = (value: number, name: string): string => `  - name: ${name}
    task_name: it
    vars: { size: { type: int, value: ${value} } }
    data: m v=1
    expects: { points: { movingAverage: m avg=1 } }
`;
    const fine = size(1, 'fine').replace('m avg=1', '"m avg=1"');
    const wrong = size(0, 'wrong').replace('m avg=1', '"m avg=1"');
    const { code, stdout } = await test(
      cases(
        script.replaceAll('"', "'"),
        `${fine}${wrong}  - name: refused\n    task_name: it\n    data: m v=1\n    expects: { ok: 0 }\n`,
      ),
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok {5}fine /m);
    expect(stdout).toMatch(/^FAIL {3}wrong [^]*the task stopped: .*must be at least 1, got 0/m);
    expect(stdout).toMatch(/^ERROR {2}refused [^]*Kapacitor refused POST \/tasks: .*size/m);
  });

  it('shows NaN in the points of a node, and compares the others', async () => {
    const script = `stream|from().measurement('r')|eval(lambda: "a" / "b").as('q')|log()`;
    const data = '    data: |\n      r,host=a a=1.0,b=4.0 1\n      r,host=a a=0.0,b=0.0 2\n';
    const { code, stdout } = await test(
      cases(
        script,
        one(`${data}    expects: { counts: { eval: 2 }, points: { eval: "r,host=a q=0.25 1" } }`),
      ),
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ +r,host=a q=0.25 1\n +\+ "r" \{host="a"\} \{q=NaN\} 2$/m);
  });

  it('tells large integers apart', async () => {
    const script = `stream|from().measurement('m')|log()`;
    const expecting = (value: string): string =>
      one(`    data: m v=9007199254740993i 1\n    expects: { points: { log: "m v=${value} 1" } }`);
    expect((await test(cases(script, expecting('9007199254740993i')))).stdout).toMatch(/^1 passed$/m);
    expect((await test(cases(script, expecting('9007199254740992i')))).stdout).toContain(
      'm v=9007199254740993i 1',
    );
  });

  it('reads the recordings that Kapacitor writes, gzipped', async () => {
    const file = cases(
      `stream|from().measurement('cpu')|alert().crit(lambda: "v" > 5)`,
      one('    recording: recorded.srpl\n    expects: { crit: 1 }'),
    );
    const recording = 'telegraf\nautogen\ncpu,host=a v=9,msg="two\nrows" 1700000000000000000\n';
    writeFileSync(join(file, '../recorded.srpl'), gzipSync(recording));
    expect((await test(file)).stdout).toMatch(/^1 passed$/m);
  });

  it('goes on after a case that is wrong', async () => {
    const file = cases(
      `stream|from().measurement('cpu')|alert().crit(lambda: "v" > 5)`,
      `${one('    data: [ cpu v=high ]\n    expects: { crit: 0 }')}\n${one('    data: [ cpu v=9 ]\n    expects: { crit: 1 }')}`,
    );
    const { code, stdout } = await test(file);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^1 passed, 1 could not be run$/m);
  });

  it('joins batches of a UDF with those of a query that passes mirrorBatch, and not with others', async () => {
    const join = (raw: string): string => `dbrp "telegraf"."autogen"
var data = batch
    |query('SELECT v FROM "telegraf"."autogen"."cpu"').period(1h).every(1h).groupBy('host')
var raw = data${raw}
var best = data@mirrorBatch()
raw|join(best).as('raw', 'best')|log()`;
    const expected = one(`    data: |
      cpu,host=a v=1 1700000000000000000
      cpu,host=a v=3 1700000010000000000
    expects:
      points:
        join: |
          cpu,host=a raw.v=1,best.v=1 1700000000000000000
          cpu,host=a raw.v=3,best.v=3 1700000010000000000
`);
    const run = (raw: string) => test(cases(join(raw), expected), '--influx', stack.influx.url);
    expect((await run('@mirrorBatch()')).stdout).toMatch(/^1 passed$/m);
    expect((await run('|where(lambda: TRUE)')).stdout).toContain('join: expected 2 points, got 0');
  }, 30_000);

  it('says what a batch task needs', async () => {
    const file = cases(
      `batch|query('SELECT v FROM "a"."b"."m"').period(1h)`,
      one('    data: m v=1\n    expects: { ok: 0 }'),
    );
    const { code, stdout } = await test(file);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'a batch task queries InfluxDB: give the InfluxDB 1.x of Kapacitor with --influx URL',
    );
  });

  it('shows the last batch of a node of batches', async () => {
    const file = cases(
      `stream|from()|window().periodCount(2).everyCount(2)|sum('v').as('s')`,
      one(`    data: |
      m v=1 1
      m v=2 2
      m v=3 3
      m v=4 4
    expects:
      points:
        window: |
          m v=3 3
          m v=4 4
        sum: |
          m s=3 2
          m s=7 4
`),
    );
    expect(await test(file)).toMatchObject({ code: 0 });
  });

  it('replays a recording that Kapacitor has', async () => {
    const { kapacitor, influx } = stack;
    await influx.write(
      database,
      'recorded,host=a v=1 1\nrecorded,host=b v=1 2\nrecorded,host=a v=9,t="<é>" 3',
    );
    const { id } = await kapacitor.recordQuery(
      'stream',
      `SELECT * FROM ${database}.autogen.recorded GROUP BY host`,
    );
    onTestFinished(() => kapacitor.deleteRecording(id));
    await until('it is recorded', async () => (await kapacitor.recording(id)).status === 'finished');
    const script = `stream
    |from().groupBy('host')
    @edgeDetect().field('v')
    |alert().id('{{ .Group }}').message('{{ .Level }} in {{ .TaskName }}').crit(lambda: "v" > 5).topic('t')`;
    const expects = (crit: number): string => `  - name: one
    task_name: it
    db: ${database}
    rp: autogen
    recording_id: ${id}
    expects:
      crit: ${crit}
      counts: { edgeDetect: 3 }
      alerts: [{ level: CRITICAL, message: CRITICAL in it, id: host=a }]
      points:
        edgeDetect: |
          recorded,host=a v=1 1
          recorded,host=a v=9,t="<é>" 3
          recorded,host=b v=1 2
`;
    expect(await test(cases(script, expects(1)))).toMatchObject({ code: 0 });
    const { code, stdout } = await test(cases(script, expects(2)));
    expect(code).toBe(1);
    expect(stdout).toContain('expected 2 alerts of level CRITICAL, got 1');
    const silent = `  - { name: none, task_name: it, db: a, rp: b, recording_id: ${id}, expects: { nothing: alert } }`;
    expect(await test(cases(script, silent))).toMatchObject({ code: 0 });
  });

  it('cleans up when it is interrupted', async () => {
    const [node, script] = cliCommand();
    const file = cases('stream|from()|log()', one('    data: m v=1\n    expects: { counts: { log: 2 } }'));
    const args = ['test', file, '--kapacitor', stack.kapacitor.url, '--settle', '10s'];
    const child = spawn(node, [script, ...args], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    await until('the case runs', async () => (await stack.kapacitor.tasks()).length > 0);
    child.kill('SIGINT');
    expect((await exited)[0]).toBe(130);
  });
});
