import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProject, type Project } from '../../src/scaffold/create-project.js';
import { run } from '../support/run-program.js';
import { tempDirForFile } from '../support/temp-dir.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { database } from './support/test-task.js';

const { missing, title } = needs(
  "a new project's TICKscript, on a real Kapacitor,",
  ['KAPACITORD', 'INFLUXD'],
  'CREATE DATABASE',
);

describe.skipIf(missing)(title, async () => {
  const folder = tempDirForFile();
  const make = (name: string, batch: boolean): Promise<Project> =>
    createProject({ name, batch, directory: join(folder, name) });
  const projects = [await make('ofStream', false), await make('ofBatches', true)];
  const sources = projects.map(({ directory, files }) =>
    readFileSync(
      join(
        directory,
        files.find((file) => file.startsWith('src/'))!,
      ),
      'utf8',
    ),
  );
  // As JavaScript, in one module.
  const module = [
    "import { defineUdf, option } from 'kapacitor-udf';",
    ...sources.map((source, index) =>
      source
        .replace(/^import .*\n/, '')
        .replace(' as number | null', '')
        .replace('export default', `export const udf${index} =`),
    ),
  ].join('\n');
  const stack = useStack({ databases: [database], module });

  it('passes its own test', { timeout: 60_000 }, async () => {
    const files = projects.map(({ directory, files }) =>
      join(
        directory,
        files.find((file) => file.endsWith('.yaml'))!,
      ),
    );
    const { code, stdout } = await run(
      ...['test', ...files, '--kapacitor', stack.kapacitor.url, '--influx', stack.influx.url],
    );
    expect(stdout).toMatch(/\n2 passed\n$/);
    expect(code).toBe(0);
  });
});
