import { basename, dirname, resolve } from 'node:path';
import { readTextFile } from '../files/read-text.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { TaskType, TaskVars } from '../kapacitor/types.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { type LinePoint, parseLines } from '../recording/line-protocol.js';
import { openRecording } from '../recording/open.js';
import { isVar } from '../kapacitor/task-file.js';
import { YamlNode } from './yaml-reader.js';

export const levels = ['OK', 'INFO', 'WARNING', 'CRITICAL'] as const;
export type Level = (typeof levels)[number];

/** An expected alert; only the given properties are compared. */
export interface ExpectedAlert {
  readonly level?: Level;
  readonly message?: string;
  readonly id?: string;
}

export interface Expectations {
  /** The number of alerts of each level. */
  readonly triggered: ReadonlyMap<Level, number>;
  readonly alerts: readonly ExpectedAlert[] | undefined;
  /** The output of nodes, by their names. */
  readonly points: ReadonlyMap<string, readonly LinePoint[]>;
  /** The number of points that nodes emit. */
  readonly counts: ReadonlyMap<string, number>;
  readonly tolerance: number;
}

/** A case's name and place. */
export interface CaseHead {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** The script, or the file of a template's task, as the case names it; empty if it names none. */
  readonly task: string;
}

/** A case that can be run. */
export interface TestCase extends CaseHead {
  readonly db: string | undefined;
  readonly rp: string | undefined;
  readonly type: TaskType | undefined;
  readonly vars: TaskVars;
  /** Empty if the case uses a recording that Kapacitor stores. */
  readonly data: readonly LinePoint[];
  readonly recordingId: string | undefined;
  readonly expects: Expectations;
}

/** A case that cannot be run. */
export interface InvalidCase extends CaseHead {
  /** Names file, line and key. */
  readonly error: UdfError;
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

/**
 * Reads the cases of a file, invalid ones included. Rejects with `invalid_config` if the file cannot be read or is
 * no list of tests in YAML.
 */
export async function readCases(path: string): Promise<(TestCase | InvalidCase)[]> {
  const tests = YamlNode.read(path, readTextFile(path)).map(['tests']).get('tests');
  if (!tests) throw new UdfError('invalid_config', `${path}:1: there must be a list of tests`);
  const cases: (TestCase | InvalidCase)[] = [];
  for (const test of tests.list()) {
    const head = readHead(path, test);
    try {
      cases.push(await readCase(head, test));
    } catch (reason) {
      if (!(reason instanceof UdfError)) throw reason;
      cases.push({ ...head, error: reason });
    }
  }
  return cases;
}

/** Reads name and place of a case, even if it is invalid. */
function readHead(path: string, test: YamlNode): CaseHead {
  const { name, task_name: task } = test.isMap ? (test.plain() as Readonly<Record<string, unknown>>) : {};
  return {
    name: typeof name === 'string' ? name : `${basename(path)}:${test.line}`,
    file: path,
    line: test.line,
    task: typeof task === 'string' ? task : '',
  };
}

async function readCase(head: CaseHead, test: YamlNode): Promise<TestCase> {
  const keys = test.map([...caseKeys, 'recording_id', 'clock', 'expects']);
  keys.get('name')?.text();
  keys.get('clock')?.oneOf(['fast']);
  const task = keys.get('task_name') ?? test.fail('must have a task_name');
  const given = (['data', 'data_file', 'recording', 'recording_id'] as const).flatMap(
    (key) => keys.get(key) ?? [],
  );
  if (given.length !== 1) test.fail('must have one of data, data_file, recording and recording_id');
  const expects = keys.get('expects') ?? test.fail('must have the key expects');
  return {
    ...head,
    task: task.text(),
    db: keys.get('db')?.text(),
    rp: keys.get('rp')?.text(),
    type: keys.get('type')?.oneOf(['stream', 'batch']),
    vars: readVars(keys.get('vars')),
    data: keys.has('recording_id') ? [] : await readData(dirname(head.file), keys),
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

async function readData(
  directory: string,
  keys: ReadonlyMap<string, YamlNode>,
): Promise<readonly LinePoint[]> {
  const data = keys.get('data');
  if (data) return data.isList ? data.list().flatMap((line) => points(line)) : points(data);
  const recording = keys.get('recording');
  const node = recording ?? keys.get('data_file')!; // the case has one of the four keys
  const file = resolve(directory, node.text());
  try {
    return recording ? await readRecording(file) : parseLines(readTextFile(file));
  } catch (reason) {
    return node.fail(`cannot be read: ${file}: ${messageOf(reason)}`);
  }
}

/** The points of a stream recording, gzipped or not. */
async function readRecording(file: string): Promise<LinePoint[]> {
  if (file.endsWith('.brpl')) {
    throw new UdfError(
      'invalid_config',
      'it holds batches; give what they were queried from, as data or data_file',
    );
  }
  const items: LinePoint[] = [];
  for await (const portion of await openRecording(file, { format: 'srpl' })) {
    for (const item of portion) {
      if (!(item instanceof LazyPoint)) continue; // a stream recording holds no batches
      items.push({ name: item.name, tags: item.tags, fields: item.fields, time: item.time });
    }
  }
  return items;
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
  const silentNodes = nothing === undefined ? [] : nothing.isList ? nothing.list() : [nothing];
  const triggered = Object.entries(levelKeys).flatMap(([key, level]) => {
    const count = keys.get(key)?.count();
    return count === undefined ? [] : [[level, count] as const];
  });
  // As in kapacitor-unit: if one of its three levels is counted, the others default to 0.
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
      ...silentNodes.map((name) => [name.text(), []] as const),
    ]),
    counts: new Map(entries('counts', (value) => value.count())),
    tolerance: keys.get('tolerance')?.number() ?? 0,
  };
}

function readAlert(node: YamlNode): ExpectedAlert {
  const keys = node.map(['level', 'message', 'id']);
  const level = keys.get('level')?.oneOf(levels);
  const [message, id] = [keys.get('message')?.text(), keys.get('id')?.text()];
  return {
    ...(level && { level }),
    ...(message !== undefined && { message }),
    ...(id !== undefined && { id }),
  };
}
