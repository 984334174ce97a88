import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { KapacitorPeer } from '../../../src/peer/interface.js';
import { createKapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { type Cli, runCli, serve } from '../../support/spawn-cli.js';
import { tempDir } from '../../support/temp-dir.js';

/** A UDF that counts, in a version of its code that says which it is. */
function counting({
  code,
  body = '',
  options = '{}',
}: {
  code: number;
  body?: string;
  options?: string;
}): string {
  return `import { defineUdf, option } from 'kapacitor-udf';
    export default defineUdf({
      name: 'counting', wants: 'stream', provides: 'stream', options: ${options},
      state: () => ({ count: 0 }),
      point: (point, { state }) => point.withFields({ count: ++state.count, code: ${code} }),
      ${body}
    });`;
}

interface Running {
  readonly host: Cli;
  readonly directory: string;
  readonly peer: KapacitorPeer;
  /** Writes the module anew. */
  readonly write: (code: string) => void;
  /** Sends points, and waits until they have come back. */
  readonly send: (count: number) => Promise<void>;
}

async function running(): Promise<Running> {
  const directory = tempDir();
  // Within the project, so that it finds the package.
  const module = join(directory, 'counting.mjs');
  const write = (code: string): void => {
    const entry = new URL('../../../dist/src/index.js', import.meta.url).href;
    writeFileSync(module, code.replace("'kapacitor-udf'", JSON.stringify(entry)));
  };
  write(counting({ code: 1 }));
  const host = await serve(['counting', '--isolate', '--load', module, '--socket-dir', directory]);
  const peer = createKapacitorPeer(await dialUnix(join(directory, 'counting.sock')), {
    answerTimeoutMs: 20_000,
  });
  onTestFinished(() => {
    peer.abort();
  });
  await peer.init();
  let sent = 0;
  const send = async (count: number): Promise<void> => {
    for (let rest = count; rest > 0; rest--)
      peer.point({ time: BigInt(++sent), name: 'cpu', fields: { value: sent } });
    await peer.received({ points: sent });
  };
  return { host, directory, peer, write, send };
}

const reload = (directory: string): ReturnType<typeof runCli> =>
  runCli(['reload', '--socket-dir', directory]);

function fieldOf(peer: Pick<KapacitorPeer, 'points'>, field: string): unknown[] {
  return peer.points.map(({ fields }) => fields[field]);
}

describe('reload', () => {
  test('runs the new code with the same state, between two points', async () => {
    const { directory, peer, write, send } = await running();
    await send(3);
    write(counting({ code: 2 }));
    expect(await reload(directory)).toEqual({ code: 0, stdout: '1 worker replaced\n', stderr: '' });
    await send(3);
    const emitted = await peer.stop();
    expect(fieldOf(emitted, 'count')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(fieldOf(emitted, 'code')).toEqual([1, 1, 1, 2, 2, 2]);
  });

  test('loses no point of those that are under way', async () => {
    const { directory, peer, write } = await running();
    const count = 20_000;
    for (let time = 1; time <= count / 2; time++)
      peer.point({ time: BigInt(time), name: 'cpu', fields: { value: 1 } });
    write(counting({ code: 2 }));
    const reloaded = reload(directory);
    for (let time = count / 2 + 1; time <= count; time++) {
      peer.point({ time: BigInt(time), name: 'cpu', fields: { value: 1 } });
      if (time % 100 === 0) await new Promise(setImmediate);
    }
    expect((await reloaded).code).toBe(0);
    const emitted = await peer.stop();
    expect(fieldOf(emitted, 'count')).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  });

  test('migrates the state where its version rose', async () => {
    const { directory, peer, write, send } = await running();
    await send(2);
    write(counting({ code: 2, body: 'version: 2, migrate: (old) => ({ count: old.count + 100 }),' }));
    expect((await reload(directory)).code).toBe(0);
    await send(1);
    expect(fieldOf(await peer.stop(), 'count')).toEqual([1, 2, 103]);
  });

  test('happens at SIGHUP too', async () => {
    const { host, peer, write, send } = await running();
    await send(1);
    write(counting({ code: 2 }));
    host.process.kill('SIGHUP');
    await host.untilLogged('reloaded');
    await send(1);
    expect(fieldOf(await peer.stop(), 'code')).toEqual([1, 2]);
  });

  test.each([
    ['cannot be loaded', 'this is no JavaScript', /cannot load .*counting.mjs/],
    [
      'has other options',
      counting({ code: 2, options: "{ size: option.int({ doc: 'Points.' }) }" }),
      /its options have changed: size/,
    ],
    [
      'has other edges',
      counting({ code: 2 }).replace("provides: 'stream'", "provides: 'batch'"),
      /its edges were/,
    ],
    [
      'does not export it any more',
      counting({ code: 2 }).replace("'counting'", "'other'"),
      /does not export it any more/,
    ],
    [
      'cannot migrate',
      counting({ code: 2, body: "version: 2, migrate() { throw new Error('no way'); }," }),
      /no way/,
    ],
  ])('leaves the old code running if the module %s', async (_, code, reason) => {
    const { directory, host, peer, write, send } = await running();
    await send(2);
    write(code);
    const { code: exitCode, stdout, stderr } = await reload(directory);
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toMatch(reason);
    expect(host.log.filter(({ level }) => level === 'error').length).toBeGreaterThan(0);
    await send(1);
    const emitted = await peer.stop();
    expect(fieldOf(emitted, 'count')).toEqual([1, 2, 3]);
    expect(fieldOf(emitted, 'code')).toEqual([1, 1, 1]);
  });

  test('says so where no host with --isolate listens', async () => {
    const { code, stderr } = await reload(tempDir());
    expect(code).toBe(1);
    expect(stderr).toContain('there is no socket; a host listens there if it was started with --isolate');
  });
});
