import { existsSync, readdirSync } from 'node:fs';
import { extname, join, parse, relative } from 'node:path';
import { readTextFile } from '../files/read-text.js';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { readTickscript } from '../kapacitor/tickscript.js';
import type { Dbrp, TaskSettings } from '../kapacitor/types.js';
import { parseTaskFile, type TaskFile } from '../kapacitor/task-file.js';

/** A template or a task of a directory. */
export interface Definition {
  readonly kind: 'template' | 'task';
  readonly id: string;
  /** The file that defines it, relative to the directory. */
  readonly file: string;
  readonly settings: TaskSettings;
}

/** A file that cannot be applied, with the reason. */
export interface Problem {
  readonly file: string;
  readonly message: string;
}

export interface Definitions {
  /** Templates first, since tasks are made from them. */
  readonly definitions: readonly Definition[];
  readonly problems: readonly Problem[];
}

const dataFile = /\.(ya?ml|json)$/;

/**
 * Reads the templates and tasks in the folders `templates` and `tasks` of a directory. A directory with neither folder
 * holds the scripts itself; those that a task's file names as its template are templates. Other files are ignored.
 *
 * Throws `invalid_config` if the directory is missing or defines nothing.
 */
export function readDefinitions(directory: string, dbrps: readonly Dbrp[] = []): Definitions {
  if (!existsSync(directory))
    throw new UdfError(
      'invalid_config',
      `there is no directory ${directory}; name the one that holds the TICKscripts`,
    );
  const folders = ['templates', 'tasks'].map((name) => join(directory, name));
  const hasFolders = folders.some(existsSync);
  const [templateFiles = [], taskFiles = []] = hasFolders ? folders.map(filesIn) : [[], filesIn(directory)];
  const problems: Problem[] = [];
  const readOrReport = <Content>(file: string, read: (text: string) => Content): Content | undefined => {
    try {
      return read(readTextFile(file));
    } catch (reason) {
      problems.push({ file: relative(directory, file), message: messageOf(reason) });
      return undefined;
    }
  };

  const data = new Map<string, { readonly file: string; readonly content: TaskFile }>();
  for (const file of taskFiles.filter((file) => dataFile.test(file))) {
    const content = readOrReport(file, parseTaskFile);
    if (content) data.set(parse(file).name, { file, content });
  }
  const templateIds = new Set(
    hasFolders ? [] : [...data.values()].map(({ content }) => content['template-id']),
  );

  const templates: Definition[] = [];
  const tasks: Definition[] = [];
  for (const file of [...templateFiles, ...taskFiles].filter((file) => extname(file) === '.tick')) {
    const script = readOrReport(file, (text) => text);
    const id = parse(file).name;
    if (script === undefined) continue;
    if (script.trim() === '') {
      problems.push({ file: relative(directory, file), message: 'the script is empty' });
      continue;
    }
    const { type, dbrps: own } = readTickscript(script);
    const settings = { script, ...(type && { type }) };
    const known = { id, file: relative(directory, file) };
    if (templateFiles.includes(file) || templateIds.has(id)) {
      templates.push({ kind: 'template', ...known, settings });
    } else {
      const { vars, dbrps: given = dbrps } = data.get(id)?.content ?? {};
      if (own.length + given.length === 0) {
        problems.push({
          file: known.file,
          message: 'it names no database: begin it with dbrp "DATABASE"."RETENTION_POLICY", or give --dbrp',
        });
        continue;
      }
      const needed = own.length === 0 && given.length > 0 && { dbrps: given };
      tasks.push({ kind: 'task', ...known, settings: { ...settings, ...needed, ...(vars && { vars }) } });
    }
  }
  for (const [id, { file, content }] of data) {
    const known = { id, file: relative(directory, file) };
    if (content['template-id'] !== undefined) {
      const settings = { ...(dbrps.length > 0 && { dbrps }), ...content };
      tasks.push({ kind: 'task', ...known, settings });
    } else if (!tasks.some((task) => task.id === id)) {
      problems.push({ file: known.file, message: `it names no template-id, and there is no ${id}.tick` });
    }
  }
  if (templates.length + tasks.length + problems.length === 0) {
    throw new UdfError('invalid_config', `there is no TICKscript in ${directory}`);
  }
  return { definitions: [...templates, ...tasks], problems };
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => join(directory, name))
      .sort();
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw new UdfError('invalid_config', `${directory} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
