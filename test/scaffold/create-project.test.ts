import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProject, type ProjectOptions } from '../../src/scaffold/create-project.js';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';

const create = (name: string, options: Partial<ProjectOptions> = {}) =>
  createProject({ name, directory: tempDir(), ...options });

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

function manifestIn(directory: string): { name: string; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as ReturnType<typeof manifestIn>;
}

test.each([false, true])(
  'a project has all that it needs, and says what it made (batch: %s)',
  async (batch) => {
    const { directory, files } = await create('rateLimit', { batch });
    expect(filesIn(directory)).toEqual(files);
    expect(files).toEqual([
      '.dockerignore',
      '.gitignore',
      'Dockerfile',
      'README.md',
      'package.json',
      'recordings/cpu.lp',
      'src/rate-limit.ts',
      'test/rate-limit.test.ts',
      'tickscripts/tasks/rate-limit.tick',
      'tickscripts/tests/rate-limit.yaml',
      'tsconfig.json',
    ]);
  },
);

describe('files are named after the UDF in kebab case:', () => {
  test.each([
    ['rateLimit', 'rate-limit'],
    ['HTTPRate', 'http-rate'],
    ['rate_2', 'rate-2'],
    ['x', 'x'],
    ['a_', 'a'],
  ])('%s', async (name, file) => {
    const { directory, files } = await create(name);
    expect(files).toContain(`src/${file}.ts`);
    expect(manifestIn(directory).name).toBe(`udf-${file}`);
    expect(readFileSync(join(directory, `src/${file}.ts`), 'utf8')).toContain(`name: '${name}',`);
  });
});

test.each(['x', 'rateLimit', 'aNameThatIsLongerThanAllOtherCells'])(
  'the columns of the table in the README are aligned: %s',
  async (name) => {
    const { directory } = await create(name);
    const text = readFileSync(join(directory, 'README.md'), 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('| '));
    expect(rows).toHaveLength(7);
    const bars = rows.map((row) => [...row.matchAll(/\|/g)].map(({ index }) => index));
    expect(new Set(bars.map(String)).size).toBe(1);
  },
);

describe('a name is refused', () => {
  test.each([
    ['no-name', 'noName'],
    ['rate limit.v2', 'rateLimitV2'],
    ['1st', 'myUdf'],
    ['', 'myUdf'],
    ['naïve', 'myUdf'],
    ['var', 'myUdf'],
    ['TRUE', 'myUdf'],
  ])('that no TICKscript can call: "%s"', async (name, similar) => {
    const directory = tempDir();
    await expect(create(name, { directory })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(`cannot be the name of a UDF: .*; write it like ${similar}$`) as string,
    });
    expect(filesIn(directory)).toEqual([]);
  });

  test('that a bundled UDF has', async () => {
    await expect(create('edgeDetect')).rejects.toMatchObject({ code: 'usage' });
  });
});

test('nothing is written where a file exists already', async () => {
  const directory = tempDir();
  mkdirSync(join(directory, 'src'));
  writeFileSync(join(directory, 'src/rate.ts'), 'mine');
  await expect(create('rate', { directory })).rejects.toMatchObject({
    code: 'invalid_config',
    message: `nothing was written: ${join(directory, 'src/rate.ts')} exists already; remove it, or name another directory with --dir`,
  });
  expect(filesIn(directory)).toEqual(['src/rate.ts']);
  expect(readFileSync(join(directory, 'src/rate.ts'), 'utf8')).toBe('mine');
});

test('the project depends on what is given, and on a clone by its directory', async () => {
  const given = await create('rate', { dependency: 'file:../kapacitor-udf.tgz' });
  expect(manifestIn(given.directory).dependencies).toEqual({ 'kapacitor-udf': 'file:../kapacitor-udf.tgz' });
  const cloned = await create('rate');
  expect(manifestIn(cloned.directory).dependencies['kapacitor-udf']).toMatch(/^file:\//);
});

describe('kapacitor-udf new', () => {
  test('prints the next commands, and refuses to do it twice with one line', async () => {
    const directory = join(tempDir(), 'mine');
    expect(await run('new', 'rate', '--dir', directory)).toEqual({
      code: 0,
      stdout: `made ${directory} with 11 files; next:\n  cd ${directory} && npm install\n  npm test\n  npm run dev\n`,
      stderr: '',
    });
    const { code, stderr } = await run('new', 'rate', '--dir', directory);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kapacitor-udf: nothing was written: .*rate\.ts.* exist already; [^\n]*\n$/);
  });

  test('refuses a wrong name as a usage mistake', async () => {
    expect(await run('new', 'no-name')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^kapacitor-udf: "no-name" cannot be the name of a UDF: [^\n]*\n$/,
      ) as string,
    });
  });
});
