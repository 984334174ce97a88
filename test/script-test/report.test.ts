import { describe, expect, it } from 'vitest';
import { caseText, type CaseResult, jsonReport, junit, summary, tap } from '../../src/script-test/report.js';

const result = (name: string, problems: string[], error?: string): CaseResult => ({
  test: { name, file: 'a.yaml', line: 3, task: 'x.tick' },
  problems,
  error,
  ms: 1_500,
});

const results = [
  result('good', []),
  result('bad #1', ['a <b>\n- "c"', 'd']),
  result('odd', [], 'no & answer'),
];

describe('the results of cases', () => {
  it('are a line each, with the reason below', () => {
    expect(results.map((one) => caseText(one))).toEqual([
      'ok     good  (x.tick, 1.5 s)',
      'FAIL   bad #1  (x.tick, 1.5 s)\n       a.yaml:3\n       a <b>\n       - "c"\n       d',
      'ERROR  odd  (x.tick, 1.5 s)\n       a.yaml:3\n       no & answer',
    ]);
    expect(summary(results)).toBe('1 passed, 1 failed, 1 could not be run');
    expect(summary(results.slice(0, 1))).toBe('1 passed');
  });

  it('are cut to the width of a terminal only', () => {
    const long = 'a name that is too long for a line '.repeat(3);
    expect(caseText(result(long, []))).toBe(`ok     ${long}  (x.tick, 1.5 s)`);
    const line = caseText(result(long, []), 80);
    expect(line).toHaveLength(80);
    expect(line).toMatch(/^ok {5}a name that is .*… {2}\(x\.tick, 1\.5 s\)$/);
    expect(caseText({ ...result('short', []), ms: 9.6 })).toBe('ok     short  (x.tick, 10 ms)');
  });

  it('are JSON', () => {
    const place = { file: 'a.yaml', line: 3, task: 'x.tick' };
    expect(jsonReport(results)).toEqual([
      { name: 'good', ...place, status: 'passed', problems: [], ms: 1500 },
      { name: 'bad #1', ...place, status: 'failed', problems: ['a <b>\n- "c"', 'd'], ms: 1500 },
      { name: 'odd', ...place, status: 'error', problems: [], error: 'no & answer', ms: 1500 },
    ]);
  });

  it('are TAP', () => {
    expect(tap(results).split('\n')).toEqual([
      ...['TAP version 13', '1..3', 'ok 1 - good', 'not ok 2 - bad \\#1'],
      ...[
        '  ---',
        '  at: "a.yaml:3"',
        '  message: |',
        '    a <b>',
        '    - "c"',
        '    d',
        '  ...',
        'not ok 3 - odd',
      ],
      ...['  ---', '  at: "a.yaml:3"', '  message: |', '    no & answer', '  ...'],
    ]);
  });

  it('are JUnit XML', () => {
    expect(junit(results)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="1" time="4.500">
  <testsuite name="a.yaml" tests="3" failures="1" errors="1" time="4.500">
    <testcase name="good" classname="x.tick" time="1.500"/>
    <testcase name="bad #1" classname="x.tick" time="1.500">
      <failure message="a &lt;b&gt;">a.yaml:3
a &lt;b&gt;
- &quot;c&quot;
d</failure>
    </testcase>
    <testcase name="odd" classname="x.tick" time="1.500">
      <error message="no &amp; answer">a.yaml:3
no &amp; answer</error>
    </testcase>
  </testsuite>
</testsuites>
`);
  });
});
