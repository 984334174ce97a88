import type { TestCase } from './cases.js';

/** What became of a case. */
export interface CaseResult {
  readonly test: TestCase;
  /** What is not as expected. */
  readonly problems: readonly string[];
  /** Why it could not be run. */
  readonly error: string | undefined;
  readonly ms: number;
}

export const passed = ({ problems, error }: CaseResult): boolean =>
  problems.length === 0 && error === undefined;

const why = ({ problems, error }: CaseResult): string => error ?? problems.join('\n');

const place = ({ test }: CaseResult): string => `${test.file}:${test.line}`;

/** A case for people: a line, and below it what went wrong. */
export function caseText(result: CaseResult): string {
  const { test, ms } = result;
  const word = passed(result) ? 'ok   ' : result.error === undefined ? 'FAIL ' : 'ERROR';
  const line = `${word}  ${test.name}  (${test.task}, ${Math.round(ms)} ms)`;
  if (passed(result)) return line;
  return [line, indented(`${place(result)}\n${why(result)}`, '       ')].join('\n');
}

export function summary(results: readonly CaseResult[]): string {
  const failed = results.filter((result) => !passed(result)).length;
  return failed === 0 ? `${results.length} passed` : `${failed} of ${results.length} failed`;
}

/** All cases in the Test Anything Protocol, version 13. */
export function tap(results: readonly CaseResult[]): string {
  const lines = results.flatMap((result, index) => {
    const name = result.test.name.replaceAll('#', '\\#').replace(/\s+/g, ' ');
    const line = `${passed(result) ? 'ok' : 'not ok'} ${index + 1} - ${name}`;
    if (passed(result)) return [line];
    return [
      line,
      '  ---',
      `  at: ${JSON.stringify(place(result))}`,
      '  message: |',
      indented(why(result), '    '),
      '  ...',
    ];
  });
  return ['TAP version 13', `1..${results.length}`, ...lines].join('\n');
}

/** All cases as the XML that began with JUnit; a suite for each file. */
export function junit(results: readonly CaseResult[]): string {
  const files = [...new Set(results.map(({ test }) => test.file))];
  const suites = files.map((file) => {
    const own = results.filter(({ test }) => test.file === file);
    return [
      `  <testsuite name=${quoted(file)} ${totals(own)}>`,
      ...own.map((result) => junitCase(result)),
      '  </testsuite>',
    ].join('\n');
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals(results)}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function totals(results: readonly CaseResult[]): string {
  const errors = results.filter(({ error }) => error !== undefined).length;
  const failures = results.filter((result) => !passed(result)).length - errors;
  const ms = results.reduce((sum, result) => sum + result.ms, 0);
  return `tests="${results.length}" failures="${failures}" errors="${errors}" time="${seconds(ms)}"`;
}

function junitCase(result: CaseResult): string {
  const { test, ms, error } = result;
  const start = `    <testcase name=${quoted(test.name)} classname=${quoted(test.task)} time="${seconds(ms)}"`;
  if (passed(result)) return `${start}/>`;
  const kind = error === undefined ? 'failure' : 'error';
  const [first = ''] = why(result).split('\n');
  const body = escaped(`${place(result)}\n${why(result)}`);
  return `${start}>\n      <${kind} message=${quoted(first)}>${body}</${kind}>\n    </testcase>`;
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(3);

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML has no place for most control characters, however they are written. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"]/g, (sign) => entities[sign]!)
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, '\uFFFD');
}

const quoted = (text: string): string => `"${escaped(text).replaceAll('\n', '&#10;')}"`;

function indented(text: string, by: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : by + line))
    .join('\n');
}
