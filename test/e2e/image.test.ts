import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bundledUdfs } from '../../udfs/index.js';
import { adslPoints } from '../support/adsl.js';
import { connect } from '../support/connect.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';
import { packageFolder } from './support/cli.js';
import { docker, inspect } from './support/docker.js';
import { hostImage, howToPull, missingForImage } from './support/image.js';
import { eventually, until } from './support/until.js';

const missing = missingForImage();
const how = howToPull(missing, 'NODE_IMAGE and BUILD_IMAGE, or the built one in KAPACITOR_UDF_IMAGE');
if (missing.length > 0) console.warn(`test/e2e/image.test.ts is skipped: ${how}`);
const title = `The image of the Dockerfile${missing.length > 0 ? ` (skipped: ${how})` : ''}`;

/** What compose.yaml and the Kubernetes manifest take from a container of it. */
const confined = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'];

describe.skipIf(missing.length > 0)(title, () => {
  let image: string;

  beforeAll(async () => {
    image = await hostImage();
  }, 600_000);

  /** Starts a container that is removed, with its volumes, when the test ends. */
  const start = async (...args: readonly string[]): Promise<string> => {
    const id = await docker('run', '--detach', ...args);
    onTestFinished(() => docker('rm', '--force', '--volumes', id).then(() => undefined));
    return id;
  };

  it('runs without rights, and without a shell that would keep signals from it', async () => {
    expect(await inspect(image, '.Config')).toMatchObject({
      User: '1000:1000',
      Entrypoint: ['kapacitor-udf'],
      Cmd: ['serve'],
      StopSignal: 'SIGTERM',
      Healthcheck: { Test: ['CMD', 'kapacitor-udf', 'check'] },
    });
  });

  it('hosts every bundled UDF and says so in its health, with nothing to write to but the sockets', async () => {
    const id = await start(...confined, '--volume=/var/run/kapacitor-udf', '--health-interval=1s', image);
    await until('it is healthy', async () => (await inspect(id, '.State.Health.Status')) === 'healthy');
    const answers = await docker('exec', id, 'kapacitor-udf', 'check');
    expect(answers.match(/^ok +(\w+)/gm)).toHaveLength(bundledUdfs.length);
  });

  it('is unhealthy when a UDF does not answer', async () => {
    const id = await start(
      '--health-interval=500ms',
      '--health-retries=1',
      '--health-start-period=1ms',
      image,
      'serve',
      '--socket-dir=/tmp/udf',
    );
    await until('it is unhealthy', async () => (await inspect(id, '.State.Health.Status')) === 'unhealthy');
  });

  it('on SIGTERM finishes what has come, removes its sockets and exits with 0', async () => {
    const folder = tempDir();
    // The container's user is not the one of the tests.
    chmodSync(folder, 0o777);
    const id = await start(
      ...confined,
      `--volume=${folder}:/var/run/kapacitor-udf`,
      image,
      'serve',
      '--socket-mode=666',
    );
    const kapacitor = await until('it listens', () => connect(join(folder, 'mirror.sock')));
    await kapacitor.init();
    const points = adslPoints.map(pointRequest);
    kapacitor.send(...points);
    await docker('kill', '--signal=TERM', id);
    await kapacitor.closed();
    expect(kapacitor.points).toHaveLength(points.length);
    expect(await docker('wait', id)).toBe('0');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes over sockets that a killed one left behind', async () => {
    const volume = await docker('volume', 'create');
    onTestFinished(() => docker('volume', 'rm', '--force', volume).then(() => undefined));
    const mount = `--volume=${volume}:/var/run/kapacitor-udf`;
    const first = await start(mount, image);
    const check = (id: string) => docker('exec', id, 'kapacitor-udf', 'check');
    await eventually(() => check(first)).toMatch(/^ok/);
    await docker('kill', first);
    expect(
      await docker(
        'run',
        '--rm',
        mount,
        '--entrypoint=node',
        image,
        '-p',
        'fs.readdirSync("/run/kapacitor-udf").length',
      ),
    ).toBe('5');
    await docker('rm', first);
    const second = await start(mount, image);
    await eventually(() => check(second)).toMatch(/^ok/);
  });

  it('holds what runs, and nothing that only builds or tests', async () => {
    const script = `const { readdirSync } = require('fs');
      console.log(JSON.stringify({ app: readdirSync('/app'), modules: readdirSync('/app/node_modules') }))`;
    const listing = JSON.parse(await docker('run', '--rm', '--entrypoint=node', image, '-e', script)) as {
      readonly app: readonly string[];
      readonly modules: readonly string[];
    };
    expect(listing.app).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'dist',
      'node_modules',
      'package.json',
      'proto',
      'udfs',
    ]);
    for (const name of ['typescript', 'vitest', 'testcontainers'])
      expect(listing.modules).not.toContain(name);
  });

  it('is of this version', async () => {
    const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    expect(await docker('run', '--rm', image, '--version')).toContain(version);
  });
});
