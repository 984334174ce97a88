import { expect, test } from 'vitest';
import { freePort } from '../../support/free-port.js';
import { Cli, serve } from '../../support/spawn-cli.js';
import { tempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';

async function startProxy(...args: readonly string[]): Promise<{ proxy: Cli; to: string }> {
  const to = `tcp://127.0.0.1:${await freePort()}`;
  return { proxy: new Cli(['proxy', '--to', to, '--socket-dir', tempDir(), ...args]), to };
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s ends a proxy at once whose host has not answered yet',
  async (signal) => {
    const { proxy } = await startProxy();
    await proxy.untilLogged('there are no sockets until it answers');
    expect(await proxy.stop(signal)).toEqual({ code: 0, signal: null });
    expect(proxy.log.slice(-2).map(({ msg }) => msg)).toEqual([
      'stopping',
      'stopped before the host had answered',
    ]);
  },
);

test('a proxy is healthy, but not ready, until its host has answered', async () => {
  const port = await freePort();
  const { proxy, to } = await startProxy('--http', String(port));
  await proxy.untilLogged('there are no sockets until it answers');
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  expect((await get('/healthz')).status).toBe(200);
  const waiting = await get('/readyz');
  expect(waiting.status).toBe(503);
  const answer: unknown = await waiting.json();
  expect(answer).toEqual({
    ready: false,
    reason: expect.stringContaining(`the host has not answered yet: ${to}: `) as string,
  });
  expect(answer).toMatchObject({ reason: expect.stringContaining('ECONNREFUSED') as string });
  expect(await (await get('/metrics')).text()).toMatch(/^kapacitor_udf_host_ready 0$/m);
  await serve(['mirror', '--listen', to, '--socket-dir', tempDir()]);
  await until('the proxy serves', () => proxy.log.some(({ msg }) => msg === 'ready'));
  expect((await get('/readyz')).status).toBe(200);
  expect(await proxy.stop()).toEqual({ code: 0, signal: null });
});
