import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Task } from '../../src/kapacitor/types.js';
import { run } from '../support/run-program.js';
import { Cli } from '../support/spawn-cli.js';
import { values } from './support/lines.js';
import { needs } from './support/servers.js';
import { showLogsOnFailure, Stack } from './support/stack.js';
import { database, newTask, retentionPolicy, show, type TestTask } from './support/test-task.js';
import { eventually, until } from './support/until.js';

const { missing, title } = needs('When the host of the UDFs dies, a real Kapacitor', ['KAPACITORD']);
const rounds = process.env.FAULTS === 'long' ? 50 : 3;
/** How long a supervisor takes to start the host again, as in the systemd unit. */
const supervisorMs = 1_000;

describe.skipIf(missing)(title, () => {
  let stack: Stack;
  const loads: Load[] = [];

  beforeEach(async () => {
    stack = new Stack();
    // A task that is started just before the host is killed crashes Kapacitor if a snapshot comes due before the next host.
    await stack.prepare({ snapshotInterval: '10s' });
  });
  afterEach(async () => {
    await Promise.all(loads.splice(0).map((load) => load.stop()));
    await stack.stop();
  }, 60_000);
  showLogsOnFailure(() => stack);

  const watching = (): readonly string[] => ['--kapacitor', stack.kapacitor.url];
  const stream = (rest: string, measurement = 'm'): Promise<TestTask> =>
    newTask(stack.kapacitor, {
      script: `stream|from().measurement('${measurement}').groupBy('host')${rest}`,
    });
  const runs = async (tasks: readonly TestTask[]): Promise<boolean> => {
    const states = await Promise.all(tasks.map((task) => task.state()));
    return states.every(({ status, executing, error }) => status === 'enabled' && executing && error === '');
  };
  const usesStarted = (): number => stack.agent.daemon.log.split('"msg":"task started"').length - 1;
  /** Whether a point that is written now comes out of the task. */
  const passes = async (task: TestTask, measurement: string, value: number): Promise<boolean> => {
    await stack.kapacitor.write(
      database,
      retentionPolicy,
      values(`${measurement},host=probe`, [value]).join('\n'),
    );
    return (await task.rows('out')).some((row) => row.value === value);
  };

  it(
    `has all tasks again within five seconds after kill -9 under load, and never crashes (${rounds} rounds)`,
    async () => {
      await stack.agent.start(undefined, watching());
      await stack.kapacitord.start();
      const busy = [
        await stream(`@mirror()${show('out')}`),
        await stream("@movingAverage().field('value').size(5).keep(TRUE)@mirror()|httpOut('averages')"),
        await stream("@edgeDetect().field('value')@edgeDetect().field('value')|httpOut('edges')"),
      ];
      const idle = [await stream(`@mirror()${show('out')}`, 'idle'), await stream('@mirror()', 'never')];
      const tasks = [...busy, ...idle];
      const nodes = 7;
      await until('all tasks are connected', () => usesStarted() === nodes);
      await until('a point passes', () => passes(idle[0]!, 'idle', 1));
      const load = new Load(stack, 2_000);
      loads.push(load);
      const took: number[] = [];
      for (let round = 1; round <= rounds; round++) {
        await sleep(1_000); // so that points are in flight
        await stack.agent.daemon.kill();
        await sleep(supervisorMs);
        const started = performance.now();
        await stack.agent.start(undefined, watching());
        // Kapacitor also shows those as running that have lost their connections.
        await until('all tasks are connected', () => usesStarted() >= nodes, { within: 5_000 });
        await until('all tasks run', () => runs(tasks), { within: 5_000 });
        await until('points pass', async () => {
          const both = [passes(busy[0]!, 'm', 1_000 + round), passes(idle[0]!, 'idle', 1_000 + round)];
          return (await Promise.all(both)).every(Boolean);
        });
        took.push(performance.now() - started);
        expect(stack.kapacitord.daemon.running).toBe(true);
      }
      took.sort((one, other) => one - other);
      const ms = (value = 0): string => `${Math.round(value)} ms`;
      const figures = `p50 ${ms(took[took.length >> 1])}, max ${ms(took.at(-1))}, ${load.pointsPerSecond} points/s`;
      process.stderr.write(`revival in ${rounds} rounds, from the start of the host's process: ${figures}\n`);
    },
    60_000 + rounds * 12_000,
  );

  it('is left alone with tasks that were disabled, use none of the UDFs, or stopped for a reason of their own', async () => {
    await stack.agent.start();
    await stack.kapacitord.start();
    const lost = await stream(`@mirror()${show('out')}`);
    await until('a point passes', () => passes(lost, 'm', 1));
    const disabled = await stream('@mirror()');
    const failed = await stream("@movingAverage().field('value').size(0)");
    const plain = await stream('|log()', 'plain');
    await stack.kapacitor.disableTask(disabled.id);
    for (const task of [disabled, failed]) {
      await until('Kapacitor has stored its error', async () => (await task.state()).error !== '');
    }
    const before = await stateOf(disabled, failed, plain);
    await stack.agent.daemon.kill();
    await stack.agent.start(undefined, watching());
    await until('the lost one is revived', () => stack.agent.daemon.log.includes(`"event":"revived"`));
    await until('the failed one is left', () => stack.agent.daemon.log.includes(`"event":"left"`));
    expect(await runs([lost])).toBe(true);
    expect(await stateOf(disabled, failed, plain)).toEqual(before);
  });

  it('is waited for when it is away too, and has all tasks when both are back', async () => {
    await stack.agent.start();
    await stack.kapacitord.start();
    const task = await stream(`@mirror()${show('out')}`);
    await stack.kapacitord.daemon.kill();
    await stack.agent.daemon.kill();
    await stack.agent.start(undefined, watching());
    await until('the outage is told', () => stack.agent.daemon.log.includes('"event":"outage"'));
    await stack.kapacitord.start();
    await until('its end is told', () => stack.agent.daemon.log.includes('"event":"outage-over"'));
    await until('a point passes', () => passes(task, 'm', 7));
  });

  it('has its tasks revived by tasks watch, beside a host that does not do so itself', async () => {
    await stack.agent.start();
    await stack.kapacitord.start();
    const task = await stream(`@mirror()${show('out')}`);
    await until('a point passes', () => passes(task, 'm', 1));
    const args = ['tasks', 'watch', '--url', stack.kapacitor.url, '--config', stack.kapacitord.configFile];
    expect(await run(...args, '--once')).toMatchObject({ code: 0, stdout: '' });

    await stack.agent.daemon.kill();
    await eventually(async () => {
      await passes(task, 'm', 2).catch(() => false);
      return (await task.state()).executing;
    }).toBe(false);
    const away = await run(...args, '--once', '--json');
    expect(away.code).toBe(1);
    expect(JSON.parse(away.stdout)).toMatchObject({
      event: 'waiting',
      task: task.id,
      why: expect.stringContaining('@mirror does not answer on ') as string,
    });

    const watch = new Cli(args);
    await stack.agent.start();
    await until('a point passes', () => passes(task, 'm', 3));
    expect(await watch.stop()).toEqual({ code: 0, signal: null });
    expect((await run(...args, '--dry-run')).code).toBe(0);
  });
});

/** What must not change of tasks that are left alone. */
async function stateOf(...tasks: readonly TestTask[]): Promise<Partial<Task>[]> {
  return Promise.all(
    tasks.map(async (task) => {
      const { id, status, executing, error, modified } = await task.state();
      return { id, status, executing, error, ...(modified !== undefined && { modified }) };
    }),
  );
}

/** Writes points all the time, in ten series. */
class Load {
  #isOn = true;
  #written = 0;
  readonly #start = performance.now();
  readonly #done: Promise<void>;

  constructor(stack: Stack, pointsPerSecond: number) {
    this.#done = this.#write(stack, pointsPerSecond / 50);
  }

  get pointsPerSecond(): number {
    return Math.round((this.#written * 1_000) / (performance.now() - this.#start));
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await this.#done;
  }

  async #write(stack: Stack, count: number): Promise<void> {
    for (let time = Date.now(); this.#isOn; time += count) {
      const lines = Array.from(
        { length: count },
        (_, at) => `m,host=h${at % 10} value=${at % 7} ${time + at}000000`,
      );
      const write = stack.kapacitor.write(database, retentionPolicy, lines.join('\n'));
      const counted = write.then(
        () => void (this.#written += count),
        () => undefined,
      );
      await Promise.all([counted, sleep(20)]);
    }
  }
}
