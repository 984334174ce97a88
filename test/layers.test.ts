import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { layerProblems } from './support/layers.js';

const root = new URL('../', import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');

describe('the house', () => {
  it('has imports that point down only, no circle, one door a package, and no test kit in production', () => {
    const files = ['src', 'udfs']
      .flatMap((folder) =>
        readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).map(
          (file) => `${folder}/${file}`,
        ),
      )
      .filter((file) => /(?<!\.test)\.ts$/.test(file));
    const { dependencies } = JSON.parse(text('package.json')) as { dependencies: Record<string, string> };
    expect(files.length).toBeGreaterThan(40);
    expect(
      layerProblems(new Map(files.map((file) => [file, text(file)])), Object.keys(dependencies)),
    ).toEqual([]);
  });
});

describe('the check itself', () => {
  /** What it says of a small house, in which everything that is not told is as it should be. */
  const problems = (files: Record<string, string>): string[] =>
    layerProblems(new Map(Object.entries({ ...house, ...files })), ['long', 'leven', 'pino']);

  const house = {
    'src/errors.ts': 'export const code = 1;',
    'src/wire/text.ts': "import Long from 'long'; import { readFileSync } from 'node:fs';",
    'src/udf/option.ts': "import { code } from '../errors.js'; import leven from 'leven';",
    'src/agent/agent.ts': "import '../udf/option.js'; import type { A } from '../wire/text.js';",
    'src/index.ts': "export { code } from './errors.js'; export type { B } from './agent/agent.js';",
    'src/testkit/index.ts': "import '../agent/agent.js';",
    'udfs/mirror/mirror.ts': "import { defineUdf } from 'kapacitor-udf'; import './window.js';",
    'udfs/mirror/window.ts': '',
    'udfs/index.ts': "export { mirror } from './mirror/mirror.js';",
    'src/cli/serve.ts': "import '../../udfs/index.js';",
    'src/cli/main.ts': "import './serve.js'; await import('./replay.js');",
    'src/cli/replay.ts': "import '../testkit/index.js';",
  };

  it('finds nothing in a house that is in order', () => {
    expect(problems({})).toEqual([]);
  });

  it.each([
    ['an import', "import { B } from '../agent/agent.js';"],
    ['a type import', "import type { B } from '../agent/agent.js';"],
    ['a re-export', "export * from '../agent/agent.js';"],
    ['a type in passing', "let b: import('../agent/agent.js').B;"],
    ['a dynamic import', "await import('../agent/agent.js');"],
  ])('finds %s that points up', (_, source) => {
    expect(problems({ 'src/wire/text.ts': source, 'src/agent/agent.ts': '' })).toEqual([
      'src/wire/text.ts imports src/agent/agent.ts: imports point down only, and this one goes from floor 1 to floor 2',
    ]);
  });

  it('finds an import between two rooms of one floor', () => {
    expect(problems({ 'src/wire/text.ts': "import '../udf/option.js';" })).toEqual([
      'src/wire/text.ts imports src/udf/option.ts: imports point down only, and this one goes from floor 1 to floor 1',
    ]);
  });

  it('finds a circle, of types too', () => {
    const circle = {
      'src/udf/a.ts': "import './b.js';",
      'src/udf/b.ts': "import type { C } from './c.js';",
      'src/udf/c.ts': "import './a.js';",
    };
    expect(problems(circle)).toEqual([
      'imports go in a circle: src/udf/a.ts → src/udf/b.ts → src/udf/c.ts → src/udf/a.ts',
    ]);
  });

  it('finds a package behind another door, and one that is no dependency', () => {
    const source = "import type Long from 'long'; import 'pino/file.js'; import '@scope/other/deep.js';";
    expect(problems({ 'src/agent/agent.ts': source })).toEqual([
      'src/agent/agent.ts imports long: only src/wire/ may',
      'src/agent/agent.ts imports pino: only src/telemetry/ may',
      'src/agent/agent.ts imports @scope/other: it is not among the dependencies of package.json',
    ]);
  });

  it.each(['../../src/errors.js', '../other/other.js', 'node:fs', 'kapacitor-udf/testkit', 'leven'])(
    'finds a UDF that imports %s',
    (specifier) => {
      const found = problems({
        'udfs/mirror/mirror.ts': `import '${specifier}';`,
        'udfs/other/other.ts': '',
      });
      expect(found[0]).toMatch(
        /^udfs\/mirror\/mirror\.ts imports .*: a UDF imports only 'kapacitor-udf' and its own/,
      );
    },
  );

  it('finds a way on which production loads the test kit', () => {
    const loud = {
      'src/cli/serve.ts': "import { a } from './shared.js';",
      'src/cli/shared.ts': "import './replay.js';",
    };
    expect(problems(loud)).toContain(
      'production loads the test kit: src/cli/serve.ts → src/cli/shared.ts → src/cli/replay.ts → src/testkit/index.ts',
    );
  });

  it('finds a file that is in no room, and one that is not there', () => {
    expect(problems({ 'src/misc.ts': "import './gone.js';" })).toEqual([
      'src/misc.ts imports src/gone.ts: there is no such file',
      'src/misc.ts is in no room; name its floor in test/support/layers.ts',
    ]);
  });
});
