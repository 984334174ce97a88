import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mirror } from '../../udfs/index.js';
import { procWith, setUp, taskOf } from './support/setup.js';

describe('the running kapacitord', () => {
  test('tells its configuration file and its user, who may not enter the directory of the sockets', async () => {
    const setup = await setUp();
    procWith(setup, setup.config);
    chmodSync(setup.directory, 0o755);
    chmodSync(setup.sockets, 0o750);
    expect(await setup.findings({ config: undefined, kapacitorUser: undefined })).toMatchObject([
      {
        severity: 'error',
        check: 'access',
        where: setup.sockets,
        what: expect.stringMatching(
          /^Kapacitor's user \(process 7, uid 4242\) may not enter this directory, in which sockets are: owner \d+, group \w+, mode 750$/,
        ) as string,
      },
    ]);
  });

  test('may not connect to sockets that are closed to its user', async () => {
    const setup = await setUp([mirror]);
    procWith(setup, setup.config);
    for (const directory of [setup.directory, setup.sockets]) chmodSync(directory, 0o755);
    const options = { config: undefined, kapacitorUser: undefined };
    const path = setup.socketOf('mirror');
    for (const [mode, remedy] of [
      [0o660, 'add that user to the group '],
      [0o600, 'start the host with --socket-mode 660'],
    ] as const) {
      chmodSync(path, mode);
      expect(await setup.findings(options)).toMatchObject([
        { check: 'access', where: path, remedy: expect.stringContaining(remedy) as string },
      ]);
    }
    chmodSync(path, 0o666);
    expect(await setup.findings(options)).toEqual([]);
  });

  test('has lost the connection of a task that it shows as running', async () => {
    const setup = await setUp([mirror]);
    procWith(setup, setup.config, 0);
    setup.kapacitor.tasks.push(taskOf('idle', 'stream|from()@mirror()'));
    expect(await setup.findings()).toMatchObject([
      {
        severity: 'error',
        check: 'tasks',
        where: 'task idle',
        what: 'Kapacitor shows it as running, but its connection to the host of its UDFs is gone: it ends at its next point',
        remedy: 'kapacitor-udf tasks restart idle; serve --kapacitor URL does so by itself',
      },
    ]);
  });

  test('that is not found leaves its user to be named', async () => {
    const setup = await setUp();
    expect(await setup.findings({ kapacitorUser: undefined })).toMatchObject([
      { severity: 'note', check: 'access', remedy: 'name its user with --kapacitor-user' },
    ]);
  });
});

test('a user that does not exist is an error with a remedy, and all else is checked', async () => {
  const setup = await setUp([mirror]);
  await setup.stopHost();
  const missing = { kapacitorUser: 'nobody-of-this-name', kapacitor: { url: 'http://127.0.0.1:1' } };
  expect(await setup.findings(missing)).toMatchObject([
    {
      severity: 'error',
      check: 'setup',
      where: '--kapacitor-user nobody-of-this-name',
      what: 'there is no user "nobody-of-this-name" in /etc/passwd, so that access to the sockets is not checked',
      remedy: expect.stringContaining('name the user that it runs as') as string,
    },
    { severity: 'error', check: 'setup', where: 'http://127.0.0.1:1' },
    { severity: 'error', check: 'sockets', where: setup.socketOf('mirror') },
  ]);
});

test('a directory in which any user may replace the sockets is a warning, unless it is sticky', async () => {
  const setup = await setUp();
  chmodSync(setup.sockets, 0o777);
  expect(await setup.findings()).toMatchObject([
    { severity: 'warning', where: setup.sockets, remedy: `chmod o-w ${setup.sockets}` },
  ]);
  chmodSync(setup.sockets, 0o1777);
  expect(await setup.findings()).toEqual([]);
});
