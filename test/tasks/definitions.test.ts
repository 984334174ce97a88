import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readDefinitions } from '../../src/tasks/definitions.js';
import { tempDir } from '../support/temp-dir.js';

function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = tempDir();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

const read = (files: Readonly<Record<string, string>>, dbrps: { db: string; rp: string }[] = []) =>
  readDefinitions(directoryOf(files), dbrps);

const script = 'dbrp "a"."b"\nstream|from()';
const yaml = 'template-id: t\ndbrps: [{ db: a, rp: b }]\nvars: { x: { type: int, value: 1 } }';

describe('the definitions of a directory', () => {
  it('are the templates, then the tasks, of its folders; what else is there is left alone', () => {
    const { definitions, problems } = read({
      'templates/t.tick': 'batch|query()',
      'tasks/b.yaml': yaml,
      'tasks/a.tick': script,
      'tasks/notes.txt': '',
      'tests/a.yaml': 'tests: []',
      'README.md': '',
      'stray.tick': '',
    });
    expect(problems).toEqual([]);
    expect(definitions.map(({ kind, id, file }) => [kind, id, file])).toEqual([
      ['template', 't', 'templates/t.tick'],
      ['task', 'a', 'tasks/a.tick'],
      ['task', 'b', 'tasks/b.yaml'],
    ]);
    expect(definitions[0]!.settings).toEqual({ script: 'batch|query()', type: 'batch' });
    expect(definitions[1]!.settings).toEqual({ script, type: 'stream' });
    expect(definitions[2]!.settings).toEqual({
      'template-id': 't',
      dbrps: [{ db: 'a', rp: 'b' }],
      vars: { x: { type: 'int', value: 1 } },
    });
  });

  it('are the scripts that lie in it, of which those that others are made from are templates', () => {
    const { definitions } = read({ 't.tick': script, 'a.tick': script, 'b.json': '{"template-id": "t"}' });
    expect(definitions.map(({ kind, id }) => [kind, id])).toEqual([
      ['template', 't'],
      ['task', 'a'],
      ['task', 'b'],
    ]);
  });

  it('have the variables of a file with the same name, and the database that is told where they name none', () => {
    const { definitions } = read(
      {
        'tasks/a.tick': 'stream|from()',
        'tasks/a.yml': 'vars: { x: { type: duration, value: 5m } }',
        'tasks/b.tick': script,
      },
      [{ db: 'c', rp: 'd' }],
    );
    expect(definitions[0]!.settings).toMatchObject({
      dbrps: [{ db: 'c', rp: 'd' }],
      vars: { x: { type: 'duration', value: '5m' } },
    });
    expect(definitions[1]!.settings).not.toHaveProperty('dbrps');
  });

  it.each([
    ['template-id: [', /^line 1: /],
    ['template-id: t\nvars: { x: 1 }', /^the variable x must be/],
    ['templateid: t', /^"templateid" is no key/],
    ['dbrps: telegraf', /^dbrps must be a list/],
    ['vars: {}', /^it names no template-id, and there is no wrong\.tick$/],
    ['', /^it must have the keys/],
  ])('do not fail for one that is wrong: %j', (text, message) => {
    const { definitions, problems } = read({ 'tasks/wrong.yaml': text, 'tasks/a.tick': script });
    expect(definitions).toHaveLength(1);
    expect(problems).toEqual([
      { file: join('tasks', 'wrong.yaml'), message: expect.stringMatching(message) as string },
    ]);
  });

  it('must be there', () => {
    expect(() => readDefinitions('/no/such')).toThrow('there is no directory /no/such');
    expect(() => read({ 'README.md': '' })).toThrow(/^there is no TICKscript in /);
  });

  it('of this package are a template and all of its tasks', () => {
    const directory = fileURLToPath(new URL('../../tickscripts', import.meta.url));
    const { definitions, problems } = readDefinitions(directory);
    const tasks = readdirSync(join(directory, 'tasks'));
    expect(problems).toEqual([]);
    expect(definitions.map(({ kind }) => kind)).toEqual(['template', ...tasks.map(() => 'task')]);
  });

  it('are not those of an empty script, nor of one that names no database', () => {
    const { definitions, problems } = read({ 'a.tick': ' \n', 'b.tick': 'stream|from()', 'c.tick': script });
    expect(definitions.map(({ id }) => id)).toEqual(['c']);
    expect(problems).toEqual([
      { file: 'a.tick', message: 'the script is empty' },
      {
        file: 'b.tick',
        message: 'it names no database: begin it with dbrp "DATABASE"."RETENTION_POLICY", or give --dbrp',
      },
    ]);
  });
});
