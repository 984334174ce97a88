import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.js';
import { findExecutable } from '../support/find-executable.js';
import { cli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { adslChanges } from '../support/adsl.js';
import { adslLines } from './support/adsl.js';
import { eventually, until } from './support/until.js';

const telegraf = findExecutable('TELEGRAF', 'telegraf');
const missing = telegraf === undefined;
const title = missing
  ? 'A UDF in a real Telegraf (skipped: no telegraf on the PATH; set TELEGRAF=/path/to/telegraf)'
  : 'A UDF in a real Telegraf';

/** The configuration that users start from. */
const given = readFileSync(new URL('../../docker/telegraf/execd.conf', import.meta.url), 'utf8');

/** A directory with a configuration, which one Telegraf after the other may run. */
class Setup {
  readonly directory = tempDir();
  readonly output = join(this.directory, 'out.lp');
  readonly #log = join(this.directory, 'telegraf.log');
  #port = 0;
  #process: ChildProcess | undefined;

  /** Starts Telegraf with the given command of the processor instead of that in the configuration. */
  async start(command?: readonly string[]): Promise<void> {
    this.#port = await freePort();
    writeFileSync(this.#log, '');
    const config = given
      .replace('127.0.0.1:8094', `127.0.0.1:${this.#port}`)
      .replaceAll('"10s"', '"100ms"')
      .replace('restart_delay = "1s"', 'restart_delay = "100ms"')
      .replace('files = ["stdout"]', `files = ["${this.output}"]`)
      .replace(/command = \[.*?\n\]/s, (text) => (command ? `command = ${JSON.stringify(command)}` : text));
    const file = join(this.directory, 'telegraf.conf');
    writeFileSync(file, config);
    // The command as it is installed.
    const bin = join(this.directory, 'kapacitor-udf');
    writeFileSync(bin, `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`);
    chmodSync(bin, 0o755);
    const child = spawn(telegraf!, ['--config', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        PATH: `${this.directory}${delimiter}${process.env.PATH ?? ''}`,
        STATE_DIR: join(this.directory, 'state'),
      },
    });
    this.#process = child;
    child.stderr.on('data', (text: Buffer) => {
      writeFileSync(this.#log, text, { flag: 'a' });
    });
    onTestFinished(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await until('Telegraf listens', () => this.log.includes('Listening on tcp://'), { within: 20_000 });
  }

  /** Stops Telegraf as a service manager does. */
  async stop(): Promise<void> {
    const child = this.#process!;
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  }

  get log(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8') : '';
  }

  /** Sends lines to its input. */
  async send(lines: string): Promise<void> {
    const socket = createConnection(this.#port, '127.0.0.1');
    socket.end(lines);
    await once(socket, 'close');
  }

  /** The lines that have reached its output. */
  get lines(): readonly string[] {
    return existsSync(this.output) ? readFileSync(this.output, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** The process that Telegraf has started last. */
  get child(): number | undefined {
    const { pid } = this.#process!;
    // Each thread of a process has children of its own.
    const children = readdirSync(`/proc/${pid!}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid!}/task/${thread}/children`, 'utf8').trim().split(' '),
    );
    const pids = children.filter((text) => text !== '').map(Number);
    return pids.length === 0 ? undefined : Math.max(...pids);
  }
}

const line = (value: string, time: number): string => `adsl_connection,host=r1 value="${value}" ${time}\n`;

describe.skipIf(missing)(title, () => {
  it('emits the changes, with the configuration of docker/telegraf', async () => {
    const setup = new Setup();
    await setup.start();
    await setup.send(`${adslLines.join('\n')}\n`);
    await eventually(() => setup.lines).toEqual(
      adslChanges.map(([time, value]) => `adsl_connection,host=router1 value="${value}" ${time}`),
    );
    await setup.stop();
    expect(setup.log).not.toMatch(/ E! /);
  });

  it('passes on what mirror does, whatever its texts have to escape', async () => {
    const setup = new Setup();
    await setup.start(['kapacitor-udf', 'execd', 'mirror']);
    const texts = ['plain', 'a "quote"', 'a \\ back slash'];
    const sent = texts.map((text, index) => {
      const value = text.replace(/["\\]/g, '\\$&');
      return `adsl_connection,host=r\\ ${index} text="${value}",n=${index}i,up=true,v=1.5 ${index + 1}`;
    });
    await setup.send(`${sent.join('\n')}\n`);
    await eventually(() => (existsSync(setup.output) ? readFileSync(setup.output, 'utf8') : '')).toBe(
      `${sent.join('\n')}\n`,
    );
    await setup.stop();
  });

  it('continues with its state when Telegraf restarts', async () => {
    const setup = new Setup();
    await setup.start();
    await setup.send(line('up', 1));
    await eventually(() => setup.lines).toHaveLength(1);
    await setup.stop();
    await setup.start();
    await setup.send(line('up', 2) + line('down', 3));
    await eventually(() => setup.lines).toEqual([line('up', 1).trim(), line('down', 3).trim()]);
    await setup.stop();
  });

  it('is started again by Telegraf after kill -9, with the state that was saved', async () => {
    const setup = new Setup();
    await setup.start([
      ...['kapacitor-udf', 'execd', 'edgeDetect', '--set', 'field=value'],
      ...['--state-dir', join(setup.directory, 'state'), '--state-interval', '10ms'],
    ]);
    await setup.send(line('up', 1));
    await eventually(() => setup.lines).toHaveLength(1);
    await until('the state is saved', () =>
      readdirSync(join(setup.directory, 'state')).some((name) => name.endsWith('.state')),
    );
    const killed = setup.child!;
    process.kill(killed, 'SIGKILL');
    await until(
      'it runs again',
      () => (setup.log.match(/task started/g) ?? []).length === 2 && setup.child !== killed,
      {
        within: 20_000,
      },
    );
    await setup.send(line('up', 2) + line('down', 3));
    await eventually(() => setup.lines).toEqual([line('up', 1).trim(), line('down', 3).trim()]);
    expect(setup.log).toMatch(/E! \[processors.execd\] Process .*kapacitor-udf exited: signal: killed/);
    await setup.stop();
  });

  it('logs a malformed line at its level in the log of Telegraf, and goes on', async () => {
    const setup = new Setup();
    const command = '(echo "not a line"; cat) | kapacitor-udf execd mirror';
    await setup.start(['sh', '-c', command]);
    await setup.send(line('up', 1));
    await eventually(() => setup.lines).toEqual([line('up', 1).trim()]);
    expect(setup.log).toMatch(/ E! \[processors.execd\] a malformed line is skipped: .*"not a line"/);
    expect(setup.log).toMatch(/ I! \[processors.execd\] task started/);
    await setup.stop();
  });
});
