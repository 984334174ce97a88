import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runtimeOptions } from '../../src/udf/runtime-options.js';

const root = new URL('../../', import.meta.url);
const page = (name: string): string => readFileSync(new URL(`docs/${name}.md`, root), 'utf8');
const cli = fileURLToPath(new URL('dist/src/cli/main.js', root));

describe('the guide', () => {
  it('shows the configuration as `kapacitor-udf config` prints it', () => {
    const shown = /<!-- config:start -->\s*```toml\n(.*?)```\s*<!-- config:end -->/s.exec(
      page('operating'),
    )?.[1];

    expect(shown).toBe(execFileSync(process.execPath, [cli, 'config'], { encoding: 'utf8' }));
  });

  it('describes the options of every UDF in the words of their definitions', () => {
    for (const { doc } of Object.values(runtimeOptions)) {
      const start = doc.replace(/: .*|\.$/, ''); // the table adds which policy is the default
      expect(page('writing')).toContain(start);
    }
  });
});
