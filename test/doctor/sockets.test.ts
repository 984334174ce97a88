import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeResponse } from '../../src/wire/messages.js';
import { mirror } from '../../udfs/index.js';
import { staleSocket } from '../support/socket-files.js';
import { linesOf, section, setUp, taskOf } from './support/setup.js';

describe('sockets', () => {
  test('that are absent, stale, or something else are errors, each with its remedy', async () => {
    const setup = await setUp([mirror]);
    const [absent, stale, file] = ['absent', 'stale', 'file'].map((name) => setup.socketOf(name));
    await staleSocket(stale!);
    writeFileSync(file!, '');
    setup.configure(
      [absent, stale, file].map((path, index) => section(`udf${index}`, `socket = "${path}"`)).join(''),
    );
    const findings = (await setup.findings()).filter(({ severity }) => severity === 'error');
    expect(linesOf(findings)).toEqual([
      `error ${absent}: @udf0 does not answer: there is no socket`,
      `error ${stale}: @udf1 does not answer: the socket is stale, its host has ended`,
      `error ${file}: @udf2 does not answer: the file is not a socket`,
    ]);
    expect(findings.map(({ remedy }) => remedy)).toEqual([
      `start the host: kapacitor-udf serve --config ${setup.config}`,
      `start the host: kapacitor-udf serve --config ${setup.config}; it replaces the socket`,
      `remove it, then start the host: kapacitor-udf serve --config ${setup.config}`,
    ]);
  });

  test('that a task waits for are said to endanger Kapacitor', async () => {
    const setup = await setUp([mirror]);
    await setup.stopHost();
    setup.kapacitor.tasks.push(taskOf('adsl', 'stream|from()@mirror()'));
    const [first] = await setup.findings();
    expect(first!.what).toBe(
      '@mirror does not answer: there is no socket; task adsl uses it, and Kapacitor may crash if a snapshot is due while the task starts',
    );
  });

  test('on which something else answers are errors', async () => {
    const setup = await setUp([mirror]);
    const path = setup.socketOf('other');
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(encodeResponse({ kind: 'error', error: 'not today' }));
    });
    await once(server.listen(path), 'listening');
    onTestFinished(() => void server.close());
    setup.configure(section('other', `socket = "${path}"`));
    expect(linesOf(await setup.findings())).toEqual([
      `error ${path}: @other does not answer as a UDF does: it answers with an error: not today`,
    ]);
  });

  test('that are shared, relative or too long are errors', async () => {
    const setup = await setUp([mirror]);
    const path = setup.socketOf('mirror');
    const long = join(setup.sockets, `${'x'.repeat(120)}.sock`);
    setup.configure(
      section('mirror', `socket = "${path}"`) +
        section('twin', `socket = "${path}"`) +
        section('near', 'socket = "near.sock"') +
        section('long', `socket = "${long}"`),
    );
    const whats = (await setup.findings()).map(({ what }) => what);
    expect(whats).toContain('@mirror and @twin have the same socket; one host serves one UDF on each');
    expect(whats).toContain(
      'the socket of @near is a relative path, which each process resolves in a directory of its own',
    );
    expect(whats).toContainEqual(expect.stringContaining("a Unix socket's at most 107"));
  });

  test('that dead hosts have left beside the others are warnings, live ones are not', async () => {
    const setup = await setUp();
    const left = join(setup.sockets, '.old.sock.0a1b2c3');
    await staleSocket(left);
    setup.configure(section('mirror', `socket = "${setup.socketOf('mirror')}"`)); // outliers is served, too
    expect(await setup.findings()).toEqual([
      {
        severity: 'warning',
        check: 'sockets',
        where: left,
        remedy: 'remove it',
        what: 'a stale socket: no process listens there, and no section of the configuration names it',
      },
    ]);
  });
});
