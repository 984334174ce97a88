import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tied } from '../clean-up.mjs';
import { freePort } from '../free-port.mjs';

const program = process.env.KAPACITORD ?? 'kapacitord';

/** The node behind the subject's, whose input is counted: the fourth of its pipeline, counted from 0. */
const sink = 'where3';

/** A Kapacitor on loopback, without InfluxDB, with a task for each subject. */
export class Kapacitord {
  #process;
  #port;
  #http = new Agent({ keepAlive: true });
  version;

  /**
   * @param {string} directory Made, for it alone.
   * @param {import('./subjects.mjs').Subject[]} subjects
   */
  static async start(directory, subjects) {
    const daemon = new Kapacitord();
    daemon.version = execFileSync(program, ['version'], { encoding: 'utf8' }).split(' (')[0];
    daemon.#port = await freePort();
    mkdirSync(directory);
    const config = join(directory, 'kapacitor.conf');
    const log = join(directory, 'kapacitord.log');
    writeFileSync(config, configuration(directory, daemon.#port, subjects));
    const output = openSync(log, 'w');
    daemon.#process = tied(spawn(program, ['-config', config], { stdio: ['ignore', output, output] }));
    try {
      await daemon.#serves();
      for (const subject of subjects) await daemon.#create(subject);
    } catch (reason) {
      await daemon.stop();
      throw new Error(`${reason.message}; kapacitord logged: ${lastLines(log)}`, { cause: reason });
    }
    return daemon;
  }

  get pid() {
    return this.#process.pid;
  }

  /** Its child processes: those of each of its threads. */
  childPids() {
    const threads = readdirSync(`/proc/${this.pid}/task`);
    const children = threads.map((thread) =>
      readFileSync(`/proc/${this.pid}/task/${thread}/children`, 'utf8'),
    );
    return children.join(' ').split(' ').filter(Boolean).map(Number);
  }

  async enable({ name }) {
    await this.#send('PATCH', `/kapacitor/v1/tasks/${idOf(name)}`, { status: 'enabled' });
  }

  async disable({ name }) {
    await this.#send('PATCH', `/kapacitor/v1/tasks/${idOf(name)}`, { status: 'disabled' });
  }

  /** Writes each list of bodies in order, all lists at once. Resolves when Kapacitor has accepted them. */
  async write(streams) {
    const writers = streams.map(async (bodies) => {
      for (const body of bodies) await this.#send('POST', '/kapacitor/v1/write?db=bench&rp=autogen', body);
    });
    await Promise.all(writers);
  }

  /** Resolves when so many points have come out of the subject's node. */
  async passed({ name }, count) {
    const id = idOf(name);
    let newest = -1;
    for (let waited = 0; waited < 60_000; waited += 10) {
      const { kapacitor } = await this.#send('GET', '/kapacitor/v1/debug/vars');
      const edge = Object.values(kapacitor).find(
        ({ name, tags }) => name === 'edges' && tags.task === id && tags.child === sink,
      );
      newest = edge?.values.collected ?? newest;
      if (newest >= count) {
        if (newest > count) throw new Error(`${name}: ${newest} points came out, not ${count}`);
        return;
      }
      await sleep(10);
    }
    throw new Error(`${name}: ${newest} of ${count} points came out in a minute`);
  }

  async stop() {
    this.#http.destroy();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill();
    await once(this.#process, 'exit');
  }

  async #serves() {
    for (let waited = 0; waited < 20_000; waited += 50) {
      if (this.#process.exitCode !== null) break;
      try {
        await this.#send('GET', '/kapacitor/v1/ping');
        return;
      } catch {
        await sleep(50);
      }
    }
    throw new Error(`${program} does not serve`);
  }

  async #create({ name, node }) {
    await this.#send('POST', '/kapacitor/v1/tasks', {
      id: idOf(name),
      type: 'stream',
      dbrps: [{ db: 'bench', rp: 'autogen' }],
      script: `stream|from().measurement('load').groupBy('host')${node}|where(lambda: FALSE)`,
      status: 'disabled',
    });
  }

  #send(method, path, body) {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const options = { port: this.#port, host: '127.0.0.1', method, path, agent: this.#http };
      const sent = request(options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode >= 300)
            reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          else resolve(text === '' ? undefined : JSON.parse(text));
        });
      });
      sent.on('error', reject);
      sent.end(bytes);
    });
  }
}

const idOf = (name) => name.replaceAll(/[^A-Za-z]+/g, '-');

function lastLines(file) {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-2).join('\n');
}

function configuration(directory, port, subjects) {
  const functions = Object.assign({}, ...subjects.map((subject) => subject.functions));
  const sections = Object.entries(functions).map(
    ([name, settings]) =>
      `[udf.functions.${name}]\n${Object.entries(settings)
        .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
        .join('\n')}\ntimeout = "10s"\n`,
  );
  return `hostname = "127.0.0.1"
data_dir = "${directory}"
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
[logging]
file = "STDERR"
level = "WARN"
[replay]
dir = "${directory}/replay"
[storage]
boltdb = "${directory}/kapacitor.db"
[task]
dir = "${directory}/tasks"
[load]
enabled = false
dir = "${directory}"
[reporting]
enabled = false
[stats]
enabled = false
[deadman]
global = false
[[influxdb]]
enabled = false
name = "none"
${sections.join('\n')}`;
}
