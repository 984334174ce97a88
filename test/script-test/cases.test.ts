import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCases } from '../../src/script-test/cases.js';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';

function file(text: string, name = 'cases.yaml'): string {
  const path = join(tempDir(), name);
  writeFileSync(path, text);
  return path;
}

describe('the cases of a file', () => {
  it('are not those of a directory, which says that it is one', () => {
    const directory = tempDir();
    expect(() => readCases(directory)).toThrow(
      `${directory} cannot be read: it is a directory; name its files: ${directory}/*.yaml`,
    );
  });

  it('are those of kapacitor-unit, where levels that are left out are 0', () => {
    const [test, ...others] = readCases(
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

  it('have points, counts, alerts and silence of nodes, and data from a file or a recording', () => {
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
    const [test] = readCases(path);
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
      ...{ counts: [['from', 2]], alerts: [{ level: 'OK', message: 'fine' }], tolerance: 0.1, triggered: 0 },
    });
  });

  const start = 'tests:\n  - name: a\n    task_name: b\n';
  it.each([
    ['', ':1: the file must be a map of keys: tests'],
    ['tests:\n  - name: [', ':2: '],
    ['test: []', ':1: "test" is no key of the file; there are tests'],
    ['tests: 5', ':1: tests must be a list'],
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
  ])('are reported with file and line where they are wrong: %j', (text, message) => {
    const path = file(text);
    expect(() => readCases(path)).toThrow(expect.objectContaining({ code: 'invalid_config' }));
    expect(() => readCases(path)).toThrow(path + message);
  });

  it('are not run where one is wrong, or its script is not there', async () => {
    const path = file(`${start}    data: []\n    expects: {}`);
    const { code, stdout, stderr } = await run('test', path);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^kapacitor-udf: .*cases\.yaml:2: there is no b; looked for .*b\.tick/);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
