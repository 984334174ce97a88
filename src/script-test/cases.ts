import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import type { TaskType, TaskVars } from '../kapacitor/types.js';
import { type LinePoint, parseLines } from '../recording/line-protocol.js';
import { isVar } from '../kapacitor/task-file.js';
import { YamlNode } from './yaml-reader.js';

export const levels = ['OK', 'INFO', 'WARNING', 'CRITICAL'] as const;
export type Level = (typeof levels)[number];

/** An alert as a case expects it; only what is given is compared. */
export interface ExpectedAlert {
  readonly level?: Level;
  readonly message?: string;
  readonly id?: string;
}

export interface Expectations {
  /** How many alerts of each level. */
  readonly triggered: ReadonlyMap<Level, number>;
  readonly alerts: readonly ExpectedAlert[] | undefined;
  /** What comes out of nodes. */
  readonly points: ReadonlyMap<string, readonly LinePoint[]>;
  /** How many points come out of nodes. */
  readonly counts: ReadonlyMap<string, number>;
  readonly tolerance: number;
}

/** One case of a file. */
export interface TestCase {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** The script or the file of a template's task, as the case names it. */
  readonly task: string;
  readonly db: string | undefined;
  readonly rp: string | undefined;
  readonly type: TaskType | undefined;
  readonly vars: TaskVars;
  /** Empty for a recording of Kapacitor's own. */
  readonly data: readonly LinePoint[];
  readonly recordingId: string | undefined;
  readonly expects: Expectations;
}

const caseKeys = ['name', 'task_name', 'type', 'db', 'rp', 'vars', 'data', 'data_file', 'recording'] as const;
const expectKeys = [
  'ok',
  'info',
  'warn',
  'crit',
  'alerts',
  'points',
  'counts',
  'nothing',
  'tolerance',
] as const;
const levelKeys = { ok: 'OK', info: 'INFO', warn: 'WARNING', crit: 'CRITICAL' } as const;

/** Reads the cases of a file. Throws `invalid_config` that names the file and the line of the first mistake. */
export function readCases(path: string): TestCase[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why =
      systemCode(cause) === 'EISDIR' ? `it is a directory; name its files: ${path}/*.yaml` : messageOf(cause);
    throw new UdfError('invalid_config', `${path} cannot be read: ${why}`, { cause });
  }
  const tests = YamlNode.read(path, text).map(['tests']).get('tests');
  if (!tests) throw new UdfError('invalid_config', `${path}:1: there must be a list of tests`);
  return tests.list().map((test) => readCase(path, test));
}

function readCase(path: string, test: YamlNode): TestCase {
  const keys = test.map([...caseKeys, 'recording_id', 'clock', 'expects']);
  keys.get('clock')?.one(['fast']);
  const task = keys.get('task_name') ?? test.fail('must have a task_name');
  const given = (['data', 'data_file', 'recording', 'recording_id'] as const).flatMap(
    (key) => keys.get(key) ?? [],
  );
  if (given.length !== 1) test.fail('must have one of data, data_file, recording and recording_id');
  const expects = keys.get('expects') ?? test.fail('must have the key expects');
  return {
    name: keys.get('name')?.text() ?? `${basename(path)}:${test.line}`,
    file: path,
    line: test.line,
    task: task.text(),
    db: keys.get('db')?.text(),
    rp: keys.get('rp')?.text(),
    type: keys.get('type')?.one(['stream', 'batch']),
    vars: readVars(keys.get('vars')),
    data: keys.has('recording_id') ? [] : readData(dirname(path), keys),
    recordingId: keys.get('recording_id')?.text(),
    expects: readExpectations(expects),
  };
}

function readVars(node: YamlNode | undefined): TaskVars {
  const vars: [string, TaskVars[string]][] = [];
  for (const [name, value] of node?.map() ?? []) {
    const plain = value.plain();
    vars.push([name, isVar(plain) ? plain : value.fail('must be { type: …, value: … }')]);
  }
  return Object.fromEntries(vars);
}

function readData(folder: string, keys: ReadonlyMap<string, YamlNode>): readonly LinePoint[] {
  const data = keys.get('data');
  if (data) return data.isList ? data.list().flatMap((line) => points(line)) : points(data);
  const node = (keys.get('data_file') ?? keys.get('recording'))!; // one of them is there
  const file = resolve(folder, node.text());
  try {
    const text = readFileSync(file, 'utf8');
    return parseLines(keys.has('recording') ? recordedLines(file, text) : text);
  } catch (reason) {
    return node.fail(`cannot be read: ${file}: ${messageOf(reason)}`);
  }
}

/** The points of a stream recording: each has a line with its database and one with its retention policy before it. */
function recordedLines(file: string, text: string): string {
  if (file.endsWith('.brpl')) {
    throw new UdfError(
      'invalid_config',
      'it holds batches; give what they were queried from, as data or data_file',
    );
  }
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length % 3 !== 0)
    throw new UdfError('invalid_config', 'it is no recording of a stream, or cut short');
  return lines.filter((_, index) => index % 3 === 2).join('\n');
}

function points(node: YamlNode): readonly LinePoint[] {
  try {
    return parseLines(node.text());
  } catch (reason) {
    if (reason instanceof UdfError && reason.code === 'malformed')
      node.fail(`is no line protocol: ${reason.message}`);
    throw reason;
  }
}

function readExpectations(node: YamlNode): Expectations {
  const keys = node.map(expectKeys);
  const entries = <Value>(key: string, read: (value: YamlNode) => Value): [string, Value][] =>
    [...(keys.get(key)?.map() ?? [])].map(([name, value]) => [name, read(value)]);
  const nothing = keys.get('nothing');
  const silent = nothing === undefined ? [] : nothing.isList ? nothing.list() : [nothing];
  const triggered = Object.entries(levelKeys).flatMap(([key, level]) => {
    const count = keys.get(key)?.count();
    return count === undefined ? [] : [[level, count] as const];
  });
  // As kapacitor-unit has it: where one of its three levels is counted, those that are left out are 0.
  const counted = triggered.length > 0 ? (['OK', 'WARNING', 'CRITICAL'] as const) : [];
  return {
    triggered: new Map([...counted.map((level) => [level, 0] as const), ...triggered]),
    alerts: keys
      .get('alerts')
      ?.list()
      .map((alert) => readAlert(alert)),
    points: new Map([
      ...entries('points', (value) =>
        value.isList ? value.list().flatMap((line) => points(line)) : points(value),
      ),
      ...silent.map((name) => [name.text(), []] as const),
    ]),
    counts: new Map(entries('counts', (value) => value.count())),
    tolerance: keys.get('tolerance')?.number() ?? 0,
  };
}

function readAlert(node: YamlNode): ExpectedAlert {
  const keys = node.map(['level', 'message', 'id']);
  const level = keys.get('level')?.one(levels);
  const [message, id] = [keys.get('message')?.text(), keys.get('id')?.text()];
  return {
    ...(level && { level }),
    ...(message !== undefined && { message }),
    ...(id !== undefined && { id }),
  };
}

/** Where a case's task may lie, best first: as it is named, in `tasks` beside the directory of the case, or with it. */
export function candidates({ file, task }: TestCase, folder: string | undefined): string[] {
  const here = dirname(file);
  const folders =
    folder === undefined ? [join(here, '../tasks'), here, join(here, '..')] : [join(folder, 'tasks'), folder];
  const names = /\.(tick|ya?ml|json)$/.test(task)
    ? [task]
    : ['tick', 'yaml', 'yml', 'json'].map((end) => `${task}.${end}`);
  const paths = names.flatMap((name) => folders.map((place) => resolve(place, name)));
  return paths.filter((path) => path !== resolve(file));
}
