import { LineCounter, parseDocument } from 'yaml';
import { UdfError } from '../model/errors.js';
import type { Dbrp, TaskVar, TaskVars } from './types.js';

/** A task's file beside the scripts, with Kapacitor's own keys. */
export interface TaskFile {
  readonly 'template-id'?: string;
  readonly dbrps?: readonly Dbrp[];
  readonly vars?: TaskVars;
}

const varTypes: readonly TaskVar['type'][] = [
  ...(['string', 'lambda', 'regex', 'duration', 'int', 'float', 'bool', 'star', 'list'] as const),
];

/** Reads YAML or JSON; integers beyond 2^53 become `bigint`. Throws `invalid_config` that names the line or the key. */
export function parseTaskFile(text: string): TaskFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, intAsBigInt: true });
  const [error] = document.errors;
  if (error) throw invalid(`line ${lines.linePos(error.pos[0]).line}: ${error.message}`);
  const content: unknown = smallIntegersAsNumbers(document.toJS());
  if (!isRecord(content)) throw invalid('it must have the keys template-id, dbrps or vars');
  const unknown = Object.keys(content).find((key) => !['id', 'template-id', 'dbrps', 'vars'].includes(key));
  if (unknown !== undefined) {
    throw invalid(`"${unknown}" is no key of a task's file; there are template-id, dbrps and vars`);
  }
  const { 'template-id': template, dbrps, vars } = content;
  if (template !== undefined && typeof template !== 'string') throw invalid('template-id must be a text');
  if (dbrps !== undefined && !(Array.isArray(dbrps) && dbrps.every(isDbrp))) {
    throw invalid('dbrps must be a list of { db: NAME, rp: NAME }');
  }
  if (vars !== undefined && !isRecord(vars)) throw invalid('vars must be { NAME: { type: …, value: … } }');
  for (const [name, value] of Object.entries(vars ?? {})) {
    if (!isVar(value)) {
      throw invalid(
        `the variable ${name} must be { type: …, value: … } with a type of ${varTypes.join(', ')}`,
      );
    }
  }
  return content; // all of it is checked above
}

/** YAML read with `intAsBigInt`: integers that a number holds exactly become numbers. */
export function smallIntegersAsNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(smallIntegersAsNumbers);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, smallIntegersAsNumbers(item)]));
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

function invalid(message: string): UdfError {
  return new UdfError('invalid_config', message);
}
