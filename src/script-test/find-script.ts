import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readTextFile } from '../files/read-text.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Dbrp, TaskVars } from '../kapacitor/types.js';
import { parseTaskFile } from '../kapacitor/task-file.js';
import type { TestCase } from './cases.js';

/** The script that a case runs, with its variables. */
export interface CaseScript {
  readonly script: string;
  readonly vars: TaskVars;
  /** The databases that the task's file names. */
  readonly dbrps: readonly Dbrp[];
}

/** Finds a case's script, or that of its task's template. Throws `invalid_config`. */
export function findScript(test: TestCase, directory: string | undefined): CaseScript {
  const place = `${test.file}:${test.line}`;
  const paths = candidatePaths(test, directory);
  const file = paths.find(existsSync);
  if (file === undefined) {
    throw new UdfError(
      'invalid_config',
      `there is no ${test.task}; looked for ${paths.join(', ')}; name the directory of the scripts with --dir`,
    );
  }
  if (file.endsWith('.tick')) return { script: readTextFile(file), vars: test.vars, dbrps: [] };
  try {
    const { 'template-id': template, vars = {}, dbrps = [] } = parseTaskFile(readTextFile(file));
    if (template === undefined) throw new UdfError('invalid_config', 'it names no template-id');
    const scripts = ['.', '../templates'].map((folder) => join(dirname(file), folder, `${template}.tick`));
    const script = scripts.find(existsSync);
    if (script === undefined) {
      throw new UdfError(
        'invalid_config',
        `there is no template ${template}; looked for ${scripts.join(', ')}`,
      );
    }
    return { script: readTextFile(script), vars: { ...vars, ...test.vars }, dbrps };
  } catch (cause) {
    throw new UdfError('invalid_config', `${place}: ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** Where a case's task may be, by precedence: `tasks` beside the case's directory, that directory, its parent. */
function candidatePaths({ file, task }: TestCase, directory: string | undefined): string[] {
  const here = dirname(file);
  const folders =
    directory === undefined
      ? [join(here, '../tasks'), here, join(here, '..')]
      : [join(directory, 'tasks'), directory];
  const names = /\.(tick|ya?ml|json)$/.test(task)
    ? [task]
    : ['tick', 'yaml', 'yml', 'json'].map((end) => `${task}.${end}`);
  const paths = names.flatMap((name) => folders.map((folder) => resolve(folder, name)));
  return paths.filter((path) => path !== resolve(file));
}
