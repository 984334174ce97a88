import type { CaseHead } from './cases.js';

/** The result of a case. */
export interface CaseResult {
  readonly test: CaseHead;
  /** Differences from what is expected. */
  readonly problems: readonly string[];
  /** Why it could not be run. */
  readonly error: string | undefined;
  readonly ms: number;
}

export const passed = ({ problems, error }: CaseResult): boolean =>
  problems.length === 0 && error === undefined;

const reason = ({ problems, error }: CaseResult): string => error ?? problems.join('\n');

const place = ({ test }: CaseResult): string => `${test.file}:${test.line}`;

/** A case as a line, whose name is shortened to fit into `width` if given, with what went wrong below it. */
export function caseText(result: CaseResult, width = Infinity): string {
  const { test, ms } = result;
  const word = passed(result) ? 'ok   ' : result.error === undefined ? 'FAIL ' : 'ERROR';
  const details = `(${test.task === '' ? '' : `${test.task}, `}${duration(ms)})`;
  const line = `${word}  ${shortened(test.name, width - 9 - details.length)}  ${details}`;
  if (passed(result)) return line;
  return [line, indented(`${place(result)}\n${reason(result)}`, '       ')].join('\n');
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function shortened(text: string, width: number): string {
  return text.length <= Math.max(width, 20) ? text : `${text.slice(0, Math.max(width, 20) - 1)}…`;
}

/** The counts of results: `3 passed`, `2 passed, 1 failed, 1 could not be run`. */
export function summary(results: readonly CaseResult[]): string {
  const errors = results.filter(({ error }) => error !== undefined).length;
  const good = results.filter(passed).length;
  const failed = results.length - errors - good;
  return [
    `${good} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(errors > 0 ? [`${errors} could not be run`] : []),
  ].join(', ');
}

/** Results for programs; times in milliseconds. */
export function jsonReport(results: readonly CaseResult[]): readonly object[] {
  return results.map((result) => {
    const { name, file, line, task } = result.test;
    const { problems, error, ms } = result;
    const status = passed(result) ? 'passed' : error === undefined ? 'failed' : 'error';
    return {
      name,
      file,
      line,
      task,
      status,
      problems,
      ...(error !== undefined && { error }),
      ms: Math.round(ms),
    };
  });
}

/** Results in the Test Anything Protocol, version 13. */
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
      indented(reason(result), '    '),
      '  ...',
    ];
  });
  return ['TAP version 13', `1..${results.length}`, ...lines].join('\n');
}

/** Results as JUnit XML, a suite for each file. */
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
  const [first = ''] = reason(result).split('\n');
  const body = escaped(`${place(result)}\n${reason(result)}`);
  return `${start}>\n      <${kind} message=${quoted(first)}>${body}</${kind}>\n    </testcase>`;
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(3);

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML 1.0 cannot hold most control characters, not even as references. */
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
