import { describe, expect, it } from 'vitest';
import type { TestCase } from '../../src/script-test/cases.js';
import { caseText, type CaseResult, junit, summary, tap } from '../../src/script-test/report.js';

const result = (name: string, problems: string[], error?: string): CaseResult => ({
  // What a report shows of a case.
  test: { name, file: 'a.yaml', line: 3, task: 'x.tick' } as TestCase,
  ...{ problems, error, ms: 1_500 },
});

const results = [
  result('good', []),
  result('bad #1', ['a <b>\n- "c"', 'd']),
  result('odd', [], 'no & answer'),
];

describe('the results of cases', () => {
  it('are a line each, with the reason below', () => {
    expect(results.map(caseText)).toEqual([
      'ok     good  (x.tick, 1500 ms)',
      'FAIL   bad #1  (x.tick, 1500 ms)\n       a.yaml:3\n       a <b>\n       - "c"\n       d',
      'ERROR  odd  (x.tick, 1500 ms)\n       a.yaml:3\n       no & answer',
    ]);
    expect(summary(results)).toBe('2 of 3 failed');
    expect(summary(results.slice(0, 1))).toBe('1 passed');
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
