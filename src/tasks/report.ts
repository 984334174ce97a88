import { counted } from '../model/text.js';
import { type ApplyOutcome, countOutcomes } from './apply-tasks.js';
import type { RestartOutcome } from './restart-tasks.js';
import type { NodeStatus, StatusReport, TaskStatus } from '../kapacitor/task-status.js';

const lineWidth = 80;
/** Width of the first column, which holds a word such as `disabled` or `restarted`. */
const indent = 11;

/** The tasks with their figures, in lines of at most 80 columns, and how many there are. */
export function statusText({ tasks, omitted }: StatusReport, now = new Date()): string {
  const states = countOutcomes(tasks.map(({ state }) => ({ done: state })));
  const rest =
    omitted === 0 ? '' : `${counted(omitted, 'task')} without these UDFs not shown (--all shows all)`;
  const summary = [states, rest].filter((part) => part !== '').join('; ');
  return [...tasks.map((task) => taskText(task, now)), summary === '' ? 'no task' : summary].join('\n');
}

function taskText(task: TaskStatus, now: Date): string {
  const { id, state, type, udfs, throughput, error, nodes, template, enabledAt } = task;
  const figures = [
    ...(state === 'running' ? [`${throughput.toFixed(1)} points/s`] : []),
    ...(template === undefined ? [] : [`from template ${template}`]),
    ...(enabledAt === undefined ? [] : [`enabled ${timeText(new Date(enabledAt), now)}`]),
  ];
  const lost = 'its connection is gone; kapacitor-udf tasks restart NAME restarts it';
  return entryText(state, `${id}  (${[type, ...udfs.map((name) => `@${name}`)].join(' ')})`, [
    ...(error === undefined ? [] : [`error: ${oneLine(error)}`]),
    ...(state === 'lost' ? [lost] : []),
    ...(figures.length === 0 ? [] : [figures.join(', ')]),
    ...(nodes.length === 0 ? [] : [nodes.map(nodeText).join(', ')]),
  ]);
}

function nodeText({ name, collected, emitted, errors }: NodeStatus): string {
  const count = (value: number): string => value.toLocaleString('en');
  return `${name} ${count(collected)} → ${count(emitted)}${errors > 0 ? ` (${counted(errors, 'error')})` : ''}`;
}

/** `2026-11-27 12:40 (3 h ago)`, in the time zone of this machine. */
export function timeText(time: Date, now: Date): string {
  const local = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'short' }).format(time);
  const minutes = Math.floor((now.getTime() - time.getTime()) / 60_000);
  if (minutes < 0) return local;
  const age =
    minutes < 60
      ? `${minutes} min`
      : minutes < 48 * 60
        ? `${Math.floor(minutes / 60)} h`
        : `${Math.floor(minutes / 1_440)} days`;
  return `${local} (${age} ago)`;
}

/** A definition's outcome; differences are not wrapped. */
export function applyText({ done, subject, details }: ApplyOutcome): string {
  return [`${done.padEnd(indent)}${subject}`, ...details.map((line) => `    ${line}`)].join('\n');
}

export function restartText({ id, done, reason }: RestartOutcome): string {
  const hints: Partial<Record<RestartOutcome['done'], string>> = {
    connected: 'not restarted, since it has a connection: ',
    unknown: 'not restarted, since its connection is unknown: ',
  };
  const force = done === 'connected' || done === 'unknown' ? '; --force restarts it' : '';
  return entryText(done, id, [`${hints[done] ?? ''}${oneLine(reason)}${force}`]);
}

function entryText(word: string, subject: string, details: readonly string[]): string {
  const lines = [subject, ...details].flatMap((text) => wrapped(text, lineWidth - indent));
  return lines.map((line, index) => `${(index === 0 ? word : '').padEnd(indent)}${line}`).join('\n');
}

/** Breaks a text at spaces; a longer word has a line of its own. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  // The figures of a node stay together: `from1 3 → 3`.
  for (const word of text.replaceAll(/ (\d[\d,]*) → /g, '\u00A0$1\u00A0→\u00A0').split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((text) => text.trimEnd().replaceAll('\u00A0', ' '));
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');
