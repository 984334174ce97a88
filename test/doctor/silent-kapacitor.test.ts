import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mirror } from '../../udfs/index.js';
import { section, type Setup, setUp } from './support/setup.js';

const answerTimeoutMs = 200;
const log =
  'look into the log of Kapacitor, and restart it if it hangs; --timeout allows a slow one more time';
const noAnswer = (url: string, request: string): string =>
  `no answer from Kapacitor at ${url} (${request}): no complete answer within 0.2 s; is it running, and the URL right?`;

/** A socket that takes connections and never answers. */
async function hungSocket(path: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
  });
  await once(server.listen(path), 'listening');
  onTestFinished(() => void server.close());
}

describe('a Kapacitor that takes a request and never answers it', () => {
  test.each([
    ['GET /ping', { method: 'GET', path: '/ping' }],
    ['GET /tasks', { method: 'GET', path: '/tasks' }],
    ['GET /tasks', { method: 'GET', path: '/tasks', inBody: true }],
  ])('is found after the time limit: %s', async (request, hangs) => {
    const setup = await setUp([mirror]);
    const { url } = setup.kapacitor;
    setup.kapacitor.hangs = hangs;
    expect(await setup.findings({ answerTimeoutMs })).toEqual([
      { severity: 'error', check: 'setup', where: url, what: noAnswer(url, request), remedy: log },
    ]);
  });

  test('is found to wait for the UDFs that do not answer either', async () => {
    const setup = await setUp([mirror]);
    const hung = setup.socketOf('hung');
    await hungSocket(hung);
    setup.configure(
      section('mirror', `socket = "${setup.socketOf('mirror')}"`) + section('hung', `socket = "${hung}"`),
    );
    setup.kapacitor.hangs = { method: 'GET', path: '/tasks' };
    const { url } = setup.kapacitor;
    expect((await setup.findings({ answerTimeoutMs }))[0]).toMatchObject({
      what: `${noAnswer(url, 'GET /tasks')}; it may be waiting for @hung, which cannot be reached`,
      remedy: `start the host of @hung: kapacitor-udf serve --config ${setup.config}; if Kapacitor does not answer then, restart it`,
    });
  });

  test('is not asked about one UDF after the other', async () => {
    const setup = await setUp();
    setup.kapacitor.hangs = { method: 'POST', path: '/tasks' };
    const { url } = setup.kapacitor;
    expect(await setup.findings({ answerTimeoutMs })).toEqual([
      {
        severity: 'error',
        check: 'info',
        where: url,
        remedy: log,
        what: `${noAnswer(url, 'POST /tasks')}; what Kapacitor knows of @mirror, and of the UDFs after it, is not checked`,
      },
    ]);
  });
});

describe('a Kapacitor that is starting, and does not listen yet', () => {
  const kapacitor = { url: 'http://127.0.0.1:1' };
  const http = '[http]\nbind-address = ":1"\n';

  /** A /proc with one kapacitord that was started with this configuration. */
  function startingAt({ directory, config }: Setup): string {
    const proc = join(directory, 'machine');
    const process = join(proc, '42');
    mkdirSync(join(process, 'net'), { recursive: true });
    writeFileSync(join(process, 'comm'), 'kapacitord\n');
    writeFileSync(join(process, 'cmdline'), `kapacitord\0-config\0${config}\0`);
    writeFileSync(join(process, 'net/tcp'), 'header\n');
    writeFileSync(join(process, 'net/unix'), 'header\n');
    symlinkSync('/', join(process, 'root'));
    return proc;
  }

  test('is found by its process, and checked by its own configuration', async () => {
    const setup = await setUp([mirror]);
    const path = setup.socketOf('absent');
    setup.configure(http + section('absent', `socket = "${path}"`));
    const findings = await setup.findings({ kapacitor, proc: startingAt(setup), config: undefined });
    expect(findings).toContainEqual({
      severity: 'error',
      check: 'setup',
      where: 'process 42',
      what:
        `kapacitord runs, but does not listen at ${kapacitor.url} yet: at its start it waits up to five minutes for the ` +
        'socket of each UDF; @absent cannot be reached',
      remedy: `start the host of @absent: kapacitor-udf serve --config ${setup.config}; Kapacitor then continues by itself`,
    });
    expect(findings).toContainEqual(
      expect.objectContaining({ where: path, what: '@absent does not answer: there is no socket' }),
    );
  });

  test('while all UDFs answer has something else to do, or another URL', async () => {
    const setup = await setUp([mirror]);
    setup.configure(http + section('mirror', `socket = "${setup.socketOf('mirror')}"`));
    const findings = await setup.findings({ kapacitor, proc: startingAt(setup), config: undefined });
    expect(findings.find(({ where }) => where === 'process 42')!.remedy).toBe(
      'run doctor again in a minute; then look into the log of Kapacitor, or give its URL with --kapacitor',
    );
  });

  test('is not meant if it listens at another port: its configuration says which', async () => {
    const setup = await setUp([mirror]);
    const findings = await setup.findings({ kapacitor, proc: startingAt(setup), config: undefined });
    const { what, remedy } = findings.find(({ where }) => where === kapacitor.url)!;
    expect(what).toMatch(
      /^no answer from Kapacitor at http:\/\/127\.0\.0\.1:1.*; by .*kapacitor\.conf it listens at :9092$/,
    );
    expect(remedy).toBe('give its URL: --kapacitor http://127.0.0.1:9092');
  });
});
