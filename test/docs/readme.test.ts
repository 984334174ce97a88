import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ModuleKind, transpileModule } from 'typescript';
import { describe, expect, it } from 'vitest';
import * as authorApi from '../../src/index.js';
import { runtimeOptions } from '../../src/udf/runtime-options.js';

const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const cli = fileURLToPath(new URL('dist/src/cli/main.js', root));

describe('the README', () => {
  it('shows the configuration as `kapacitor-udf config` prints it', () => {
    const shown = /<!-- config:start -->\s*```toml\n(.*?)```\s*<!-- config:end -->/s.exec(readme)?.[1];

    expect(shown).toBe(execFileSync(process.execPath, [cli, 'config'], { encoding: 'utf8' }));
  });

  it('describes the options of every UDF in the words of their definitions', () => {
    for (const { doc } of Object.values(runtimeOptions)) {
      const start = doc.replace(/: .*|\.$/, ''); // the table adds which policy is the default
      expect(readme).toContain(start);
    }
  });

  it('shows a UDF that can be hosted as it stands', () => {
    const source = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
    const compiled = transpileModule(source, { compilerOptions: { module: ModuleKind.CommonJS } });
    const module = { exports: {} as { default?: unknown } };
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- our own README
    new Function('module', 'exports', 'require', compiled.outputText)(
      module,
      module.exports,
      () => authorApi,
    );

    expect(authorApi.isUdfDefinition(module.exports.default)).toBe(true);
  });
});
