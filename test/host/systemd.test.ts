import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { notifyServiceManager } from '../../src/host/systemd.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';
import { adslPoints } from '../support/adsl.js';
import { connect } from '../support/connect.js';
import { findExecutable } from '../support/find-executable.js';
import { type Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';
import { until } from '../support/until.js';

/** A `systemd-notify` that records its arguments, as an environment that finds it, and what it was called with. */
function fakeNotify(then = ''): { env: NodeJS.ProcessEnv; sent: () => string[] } {
  const directory = tempDir();
  const record = join(directory, 'record');
  const command = join(directory, 'systemd-notify');
  writeFileSync(command, `#!/bin/sh\nprintf '%s|' "$@" >>'${record}'\necho >>'${record}'\n${then}\n`);
  chmodSync(command, 0o755);
  return {
    env: {
      ...process.env,
      PATH: `${directory}${delimiter}${process.env.PATH}`,
      NOTIFY_SOCKET: join(directory, 'notify.sock'),
      WATCHDOG_USEC: undefined,
      WATCHDOG_PID: undefined,
    },
    sent: () => (existsSync(record) ? readFileSync(record, 'utf8').split('\n').slice(0, -1) : []),
  };
}

const ping = 'WATCHDOG=1|';

function pings(sent: readonly string[]): number {
  return sent.filter((line) => line === ping).length;
}

/** Waits until another notifier, whose event loop is well, has answered a watchdog of 200 ms so often. */
async function otherPings(count: number): Promise<void> {
  const { env, sent } = fakeNotify();
  const notifier = notifyServiceManager(memoryLogger([]), { ...env, WATCHDOG_USEC: '200000' });
  notifier.ready('up');
  await until('another answers', () => pings(sent()) >= count);
  notifier.release();
}

describe('serve, started by systemd', () => {
  test('says when all sockets listen, and when it stops', async () => {
    const { env, sent } = fakeNotify();
    const host = await serve(['mirror', 'outliers', '--socket-dir', tempDir()], { env });
    await until('it has said that it is ready', () => sent().length >= 2);
    expect(sent()).toEqual(['READY=1|', 'STATUS=serves mirror, outliers|']);
    expect(await host.stop()).toEqual({ code: 0, signal: null });
    await until('it has said that it stops', () => sent().length >= 4);
    expect(sent().slice(2)).toEqual(['STOPPING=1|', 'STATUS=finishes what has come|']);
  });

  test('says nothing while a socket is missing', async () => {
    const { env, sent } = fakeNotify();
    const directory = tempDir();
    writeFileSync(join(directory, 'mirror.sock'), 'no socket');
    await expect(serve(['mirror', '--socket-dir', directory], { env })).rejects.toThrow('is not a socket');
    expect(sent()).toEqual([]);
  });

  test('answers the watchdog twice in its time, as long as the event loop runs and no longer', async () => {
    const { env, sent } = fakeNotify();
    const directory = tempDir();
    const module = fileURLToPath(new URL('../cli/modules/frozen.mjs', import.meta.url));
    const host = await serve(['frozen', '--load', module, '--socket-dir', directory], {
      env: { ...env, WATCHDOG_USEC: '200000' },
    });
    const start = performance.now();
    await until('it has answered', () => pings(sent()) >= 5);
    expect(performance.now() - start).toBeGreaterThan(300);
    const kapacitor = await connect(join(directory, 'frozen.sock'));
    await kapacitor.init();
    kapacitor.send(pointRequest(adslPoints[0]!));
    await otherPings(3); // what it wrote before may still be on its way
    const before = pings(sent());
    await otherPings(10);
    expect(pings(sent())).toBe(before);
    host.process.kill('SIGKILL');
  });

  test('leaves a watchdog alone that is meant for another process', async () => {
    const { env, sent } = fakeNotify();
    const notifier = notifyServiceManager(memoryLogger([]), {
      ...env,
      WATCHDOG_USEC: '200000',
      WATCHDOG_PID: '1',
    });
    notifier.ready('up');
    await otherPings(5);
    notifier.stopping('down');
    await until('it stops', () => sent().includes('STATUS=down|'));
    notifier.release();
    expect(pings(sent())).toBe(0);
  });

  test('warns once where systemd-notify is missing or fails, and serves all the same', async () => {
    const lines: LogLine[] = [];
    const { env, sent } = fakeNotify('echo refused >&2; exit 1');
    const cases: [NodeJS.ProcessEnv, RegExp][] = [
      [{ ...env, WATCHDOG_USEC: '20000' }, /^refused/],
      [{ NOTIFY_SOCKET: '/nowhere', PATH: tempDir() }, /not found/],
    ];
    for (const [given, reason] of cases) {
      lines.length = 0;
      const notifier = notifyServiceManager(memoryLogger(lines), given);
      notifier.ready('up');
      await until('it warns', () => lines.length > 0);
      if (given.WATCHDOG_USEC !== undefined) await until('more fails', () => pings(sent()) > 3);
      notifier.release();
      expect(lines).toMatchObject([
        { level: 'warn', details: { reason: expect.stringMatching(reason) as string } },
      ]);
      expect(lines[0]!.message).toContain('systemd cannot be notified: install systemd-notify');
    }
  });

  test('does nothing where nobody asks for it', () => {
    const notifier = notifyServiceManager(memoryLogger([]), {});
    notifier.ready('up');
    notifier.stopping('down');
    notifier.release();
  });
});

/** Prints each datagram as a line of JSON, and closes the descriptors that come with it: systemd-notify waits for that. */
const receiver = `
import array, json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('"bound"', flush=True)
while True:
    data, control, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(64))
    for _, kind, body in control:
        if kind == socket.SCM_RIGHTS:
            for fd in array.array('i', body): os.close(fd)
    print(json.dumps(data.decode()), flush=True)
`;

const python = findExecutable('PYTHON3', 'python3');
const missing = python === undefined || findExecutable('SYSTEMD_NOTIFY', 'systemd-notify') === undefined;
const title = `the real systemd-notify${missing ? ' (skipped: it needs systemd-notify and python3 on the PATH)' : ''}`;

describe.skipIf(missing)(title, () => {
  test('brings readiness, status, watchdog and end to a datagram socket', async () => {
    const path = join(tempDir(), 'notify.sock');
    const child = spawn(python!, ['-c', receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const received = (): string[] =>
      output
        .split('\n')
        .slice(0, -1)
        .flatMap((line) => (JSON.parse(line) as string).split('\n'));
    await until('the socket is bound', () => received().includes('bound'));

    const host: Cli = await serve(['mirror', '--socket-dir', tempDir()], {
      env: { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' },
    });
    await until('it is ready', () => received().includes('READY=1'));
    await until('it answers the watchdog', () => received().includes('WATCHDOG=1'));
    expect(received()).toContain('STATUS=serves mirror');
    expect(await host.stop()).toEqual({ code: 0, signal: null });
    await until('it says that it stops', () => received().includes('STOPPING=1'));
    expect(host.logged('systemd cannot be notified')).toBe(false);
  });
});
