import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gzipSync } from 'node:zlib';
import { type InvalidCase, readCases, type TestCase } from '../../src/script-test/cases.js';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';

function file(text: string, name = 'cases.yaml'): string {
  // Scripts are looked for in the parent directory too.
  const directory = join(tempDir(), 'tests');
  mkdirSync(directory);
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** The cases of a file that has no mistake. */
async function validCases(path: string): Promise<TestCase[]> {
  return (await readCases(path)).map((test) => {
    if ('error' in test) throw test.error;
    return test;
  });
}

describe('the cases of a file', () => {
  it('are not those of a directory, which says that it is one', async () => {
    const directory = tempDir();
    const { code, stderr } = await run('test', directory);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `kapacitor-udf: ${directory} is a directory; name its files: ${directory}/*.yaml\n`,
    });
  });

  it('are those of kapacitor-unit, where levels that are left out are 0', async () => {
    const [test, ...others] = await validCases(
      file(`tests:
  - name: "Alert:: warns"
    task_name: alert.tick
    db: weather
    rp: default
    type: stream
    clock: fast
    data:
      - temperature,location=us-midwest temperature=80
      - temperature,location=us-midwest temperature=82 17
    expects:
      warn: 1
`),
    );
    expect(others).toEqual([]);
    expect(test).toMatchObject({
      name: 'Alert:: warns',
      line: 2,
      task: 'alert.tick',
      db: 'weather',
      rp: 'default',
      type: 'stream',
    });
    expect(test!.data.map(({ time }) => time)).toEqual([undefined, 17n]);
    expect([...test!.expects.triggered]).toEqual([
      ['OK', 0],
      ['WARNING', 1],
      ['CRITICAL', 0],
    ]);
  });

  it('have points, counts, alerts and silence of nodes, and data from a file or a recording', async () => {
    const path = file(`tests:
  - task_name: a
    recording: data.srpl
    expects:
      points: { edgeDetect2: "m v=1 5" }
      nothing: [alert3]
      counts: { from: 2 }
      alerts: [{ level: OK, message: fine }]
      tolerance: 0.1
`);
    writeFileSync(join(path, '../data.srpl'), 'db\nrp\nm,host=a v=1i 7\ndb\nrp\nm,host=a v=2i 8\n');
    const [test] = await validCases(path);
    expect(test!.name).toBe('cases.yaml:2');
    expect(test!.data).toMatchObject([
      { name: 'm', tags: { host: 'a' }, fields: { v: 1n }, time: 7n },
      { time: 8n },
    ]);
    const { points, counts, alerts, tolerance, triggered } = test!.expects;
    expect([...points]).toMatchObject([
      ['edgeDetect2', [{ fields: { v: 1 }, time: 5n }]],
      ['alert3', []],
    ]);
    expect({ counts: [...counts], alerts, tolerance, triggered: triggered.size }).toEqual({
      counts: [['from', 2]],
      alerts: [{ level: 'OK', message: 'fine' }],
      tolerance: 0.1,
      triggered: 0,
    });
  });

  const recording = (text: string): string => `db\nrp\n${text}\n`;
  it.each<[string, string, string | Buffer]>([
    ['recording', 'gzipped', gzipSync(recording('m v=1 1'))],
    ['recording', 'with a text of two lines', recording('m v=1,t="a\nb" 1')],
    ['recording', 'with a byte order mark', `\uFEFF${recording('m v=1 1')}`],
    ['data_file', 'with a byte order mark', '\uFEFFm v=1 1\n'],
  ])('have the points of a %s %s', async (key, _, content) => {
    const path = file(`\uFEFFtests: [{ task_name: a, ${key}: data.lp, expects: {} }]`);
    writeFileSync(join(path, '../data.lp'), content);
    const [test] = await validCases(path);
    expect(test!.data).toMatchObject([{ name: 'm', fields: { v: 1 }, time: 1n }]);
  });

  it('have integers beyond 2^53 exactly', async () => {
    const [test] = await validCases(
      file(`tests:
  - task_name: a
    vars: { n: { type: int, value: 9007199254740993 }, m: { type: int, value: 5 } }
    data: m v=9007199254740993i
    expects: {}
`),
    );
    expect(test!.vars).toEqual({
      n: { type: 'int', value: 9007199254740993n },
      m: { type: 'int', value: 5 },
    });
    expect(test!.data[0]!.fields).toEqual({ v: 9007199254740993n });
  });

  const start = 'tests:\n  - name: a\n    task_name: b\n';
  it.each([
    ['', ':1: the file must be a map of keys: tests'],
    ['tests:\n  - name: [', ':2: '],
    ['test: []', ':1: "test" is no key of the file; there are tests'],
    ['tests: 5', ':1: tests must be a list'],
  ])('are not read from a file that is wrong as a whole: %j', async (text, message) => {
    const path = file(text);
    await expect(readCases(path)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining(path + message) as string,
    });
  });

  it.each([
    ['tests:\n  - name: a', ':2: tests[0] must have a task_name'],
    [`${start}    expect: {}`, ':4: "expect" is no key of tests[0]; there are name, task_name, '],
    [`${start}    expects: {}`, ':2: tests[0] must have one of data, data_file, recording and recording_id'],
    [`${start}    data: []`, ':2: tests[0] must have the key expects'],
    [`${start}    data: []\n    type: stram\n    expects: {}`, ':5: type must be stream or batch'],
    [`${start}    expects:\n      warn: two\n    data: []`, ':5: warn must be a count'],
    [
      `${start}    data:\n      - m v=1\n      - m v=\n    expects: {}`,
      ':6: data[1] is no line protocol: line 1: ',
    ],
    [`${start}    data_file: none.lp\n    expects: {}`, ':4: data_file cannot be read: '],
    [`${start}    recording_id: 5\n    expects: {}`, ':4: recording_id must be a text'],
    [
      `${start}    data: []\n    expects:\n      alerts:\n        - level: BAD`,
      ':7: level must be OK or INFO',
    ],
    [`${start}    data: []\n    vars: { x: 1 }\n    expects: {}`, ':5: x must be { type: …, value: … }'],
  ])('with a mistake are told apart, with file and line: %j', async (text, message) => {
    const path = file(`${text}\n  - { name: good, task_name: c, data: [], expects: {} }`);
    const [wrong, good] = await readCases(path);
    expect((wrong as InvalidCase).error).toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining(path + message) as string,
    });
    expect(wrong).toMatchObject({ name: 'a', file: path, line: 2 });
    expect(good).toMatchObject({ name: 'good', task: 'c' });
    expect(good).not.toHaveProperty('error');
  });

  it('are an error each where one is wrong, or its script is not there', async () => {
    const path = file(`${start}    data: []\n    expects: {}\n  - { name: c, task_name: d }`);
    const { code, stdout, stderr } = await run('test', path);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(
      /^ERROR {2}a {2}\(b, \d+ ms\)\n.*cases\.yaml:2\n +there is no b; looked for .*b\.tick.*; name .* --dir$/m,
    );
    expect(stdout).toMatch(/^ERROR {2}c [^]*cases\.yaml:6: tests\[1\] must have one of data/m);
    expect(stdout).toMatch(/^0 passed, 2 could not be run$/m);
  });
});

describe('the files of a command', () => {
  it('may be given as a glob, which is expanded, each file once', async () => {
    const directory = tempDir();
    for (const name of ['a', 'b']) {
      writeFileSync(join(directory, `${name}.yaml`), `tests: [{ name: ${name}, task_name: none, data: [] }]`);
    }
    const { stdout } = await run('test', join(directory, '*.yaml'), join(directory, 'b.yaml'), '--json');
    expect(JSON.parse(stdout)).toMatchObject([
      { name: 'a', status: 'error' },
      { name: 'b', status: 'error', problems: [], line: 1, task: 'none' },
    ]);
  });

  it.each([
    ['*.none', 'no file matches *.none'],
    ['none.yaml', 'there is no file none.yaml'],
  ])('must exist: %s', async (pattern, message) => {
    expect(await run('test', pattern)).toEqual({
      code: 1,
      stdout: '',
      stderr: `kapacitor-udf: ${message}\n`,
    });
  });
});
