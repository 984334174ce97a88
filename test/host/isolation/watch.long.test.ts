import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { KapacitorPeer } from '../../../src/peer/interface.js';
import { createKapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { type Cli, runCli, serve } from '../../support/spawn-cli.js';
import { tempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';

/** A UDF that counts, in a file that imports another one, which imports a third. */
const files = {
  'package.json': '{ "type": "module" }',
  'src/counting.js': `
    import { defineUdf } from 'kapacitor-udf';
    import { mark } from './mark.js';
    export default defineUdf({
      name: 'counting', wants: 'stream', provides: 'stream',
      state: () => ({ count: 0 }),
      point: (point, { state }) => point.withFields({ count: ++state.count, code: mark(1) }),
    });`,
  'src/mark.js': `import { offset } from './shared/offset.js';\nexport const mark = (code) => code + offset;`,
  'src/shared/offset.js': 'export const offset = 0;\n',
} as const;

interface Running {
  readonly host: Cli;
  readonly write: (file: string, text: string) => void;
  /** Sends points, and returns what has come back for them. */
  readonly send: (count: number) => Promise<Record<string, unknown>[]>;
  readonly peer: KapacitorPeer;
}

async function running(): Promise<Running> {
  const directory = tempDir();
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  };
  for (const [file, text] of Object.entries(files)) write(file, text);
  const args = ['counting', '--watch', '--load', './src/counting.js', '--socket-dir', directory];
  const host = await serve(args, { cwd: directory });
  const peer = createKapacitorPeer(await dialUnix(join(directory, 'counting.sock')), {
    answerTimeoutMs: 20_000,
  });
  onTestFinished(() => {
    peer.abort();
  });
  await peer.init();
  let sent = 0;
  const send = async (count: number): Promise<Record<string, unknown>[]> => {
    for (let rest = count; rest > 0; rest--) {
      peer.point({ time: BigInt(++sent), name: 'cpu', fields: { value: sent } });
    }
    await peer.received({ points: sent });
    return peer.points.slice(sent - count).map(({ fields }) => fields);
  };
  return { host, write, send, peer };
}

/** The lines of the log about reloads. */
function reloads(host: Cli): string[] {
  return host.log.map(({ msg }) => String(msg)).filter((text) => /reloaded|not replaced/.test(text));
}

describe('serve --watch', () => {
  test('runs changed code on the same connection, with the state carried over', async () => {
    const { host, write, send, peer } = await running();
    expect(await send(2)).toEqual([
      { value: 1, count: 1, code: 1 },
      { value: 2, count: 2, code: 1 },
    ]);
    write('src/counting.js', files['src/counting.js'].replace('mark(1)', 'mark(2)'));
    await host.untilLogged('reloaded');
    expect(await send(1)).toEqual([{ value: 3, count: 3, code: 2 }]);
    write('src/shared/offset.js', 'export const offset = 10;\n');
    await host.untilLogged('offset.js');
    expect(await send(1)).toEqual([{ value: 4, count: 4, code: 12 }]);
    expect(reloads(host)).toEqual([
      'reloaded after a change of src/counting.js',
      'reloaded after a change of src/shared/offset.js',
    ]);
    await peer.stop();
    expect(await host.stop()).toEqual({ code: 0, signal: null });
  });

  test('leaves the old code running where the new does not load, and says where it is wrong', async () => {
    const { host, write, send } = await running();
    await send(1);
    write('src/shared/offset.js', '\nexport const offset = ;\n');
    await host.untilLogged('not reloaded');
    expect(await send(1)).toEqual([{ value: 2, count: 2, code: 1 }]);
    write('src/shared/offset.js', 'export const offset = 20;\n');
    await until('it is reloaded', () => reloads(host).length === 2);
    expect(await send(1)).toEqual([{ value: 3, count: 3, code: 21 }]);
    const [refused] = reloads(host);
    expect(refused).toMatch(
      /^not reloaded, the old code continues: cannot load \.\/src\/counting\.js: .* \(src\/shared\/offset\.js:2:\d+\)$/,
    );
  });

  test('notices a file that was missing, once it is there', async () => {
    const { host, write, send } = await running();
    await send(1);
    write('src/mark.js', "export { mark } from './new/mark.js';");
    await host.untilLogged('not reloaded');
    write('src/new/mark.js', 'export const mark = (code) => -code;');
    await until('it is reloaded', () => reloads(host).length === 2);
    expect(await send(1)).toEqual([{ value: 2, count: 2, code: -1 }]);
  });

  test('leaves the old code running where Kapacitor would have to be told of other options', async () => {
    const { host, write, send } = await running();
    const options = "options: { by: option.int({ default: 1, doc: 'Step.' }) }, state:";
    const changed = files['src/counting.js'].replace('{ defineUdf }', '{ defineUdf, option }');
    write('src/counting.js', changed.replace('state:', options));
    await host.untilLogged('its options have changed: by');
    expect(await send(1)).toEqual([{ value: 1, count: 1, code: 1 }]);
  });

  test('needs the file of a module', async () => {
    const { code, stderr } = await runCli(['serve', 'mirror', '--watch', '--socket-dir', tempDir()]);
    expect(code).toBe(2);
    expect(stderr).toContain('kapacitor-udf: --watch needs --load with the file of a module');
  });
});
