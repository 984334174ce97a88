import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UdfError } from '../model/errors.js';
import type { Dbrp, TaskVars } from '../kapacitor/types.js';
import { parseTaskFile } from '../kapacitor/task-file.js';
import { candidates, type TestCase } from './cases.js';

/** What a case runs: a script, and the variables that it is given. */
export interface CaseScript {
  readonly script: string;
  readonly vars: TaskVars;
  /** The databases that the script, or its file, is for. */
  readonly dbrps: readonly Dbrp[];
}

/** Finds a case's script; for a template's task, the template's. Throws `invalid_config`. */
export function caseScript(test: TestCase, folder: string | undefined): CaseScript {
  const place = `${test.file}:${test.line}`;
  const tried = candidates(test, folder);
  const file = tried.find(existsSync);
  if (file === undefined) {
    throw new UdfError(
      'invalid_config',
      `${place}: there is no ${test.task}; looked for ${tried.join(', ')}`,
    );
  }
  if (file.endsWith('.tick')) return { script: readFileSync(file, 'utf8'), vars: test.vars, dbrps: [] };
  try {
    const { 'template-id': template, vars = {}, dbrps = [] } = parseTaskFile(readFileSync(file, 'utf8'));
    if (template === undefined) throw new UdfError('invalid_config', 'it names no template-id');
    const scripts = ['.', '../templates'].map((folder) => join(dirname(file), folder, `${template}.tick`));
    const script = scripts.find(existsSync);
    if (script === undefined) {
      throw new UdfError(
        'invalid_config',
        `there is no template ${template}; looked for ${scripts.join(', ')}`,
      );
    }
    return { script: readFileSync(script, 'utf8'), vars: { ...vars, ...test.vars }, dbrps };
  } catch (cause) {
    throw new UdfError('invalid_config', `${place}: ${file}: ${messageOf(cause)}`, { cause });
  }
}
