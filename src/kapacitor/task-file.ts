import { LineCounter, parseDocument } from 'yaml';
import { UdfError } from '../model/errors.js';
import type { Dbrp, TaskVar, TaskVars } from '../kapacitor/types.js';

/** What a file beside the scripts says of a task: Kapacitor's own keys. */
export interface TaskFile {
  readonly 'template-id'?: string;
  readonly dbrps?: readonly Dbrp[];
  readonly vars?: TaskVars;
}

const varTypes: readonly TaskVar['type'][] = [
  ...(['string', 'lambda', 'regex', 'duration', 'int', 'float', 'bool', 'star', 'list'] as const),
];

/** Reads YAML, or JSON, which is YAML too. Throws `invalid_config` that says what is wrong and in which line. */
export function parseTaskFile(text: string): TaskFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) throw wrong(`line ${lines.linePos(error.pos[0]).line}: ${error.message}`);
  const content: unknown = document.toJS();
  if (!isRecord(content)) throw wrong('it must have the keys template-id, dbrps or vars');
  const unknown = Object.keys(content).find((key) => !['id', 'template-id', 'dbrps', 'vars'].includes(key));
  if (unknown !== undefined) {
    throw wrong(`"${unknown}" is no key of a task's file; there are template-id, dbrps and vars`);
  }
  const { 'template-id': template, dbrps, vars } = content;
  if (template !== undefined && typeof template !== 'string') throw wrong('template-id must be a text');
  if (dbrps !== undefined && !(Array.isArray(dbrps) && dbrps.every(isDbrp))) {
    throw wrong('dbrps must be a list of { db: NAME, rp: NAME }');
  }
  if (vars !== undefined && !isRecord(vars)) throw wrong('vars must be { NAME: { type: …, value: … } }');
  for (const [name, value] of Object.entries(vars ?? {})) {
    if (!isVar(value)) {
      throw wrong(`the variable ${name} must be { type: …, value: … } with a type of ${varTypes.join(', ')}`);
    }
  }
  return content; // all of it is checked above
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDbrp(value: unknown): value is Dbrp {
  return isRecord(value) && typeof value.db === 'string' && typeof value.rp === 'string';
}

export function isVar(value: unknown): value is TaskVar {
  return isRecord(value) && varTypes.includes(value.type as TaskVar['type']) && 'value' in value;
}

function wrong(message: string): UdfError {
  return new UdfError('invalid_config', message);
}
