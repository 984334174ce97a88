import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConversationFile } from '../../src/recording/conversation/open.js';
import { replayConversation } from '../../src/replay/replay-conversation.js';
import { movingAverage } from '../../udfs/index.js';
import { readBoth } from '../support/recorded.js';
import { tempDir } from '../support/temp-dir.js';
import { Agent } from './support/agent.js';
import { cliCommand } from './support/cli.js';
import { Daemon } from './support/daemon.js';
import { startInfluxd, useInfluxd } from './support/influxd.js';
import { Kapacitord } from './support/kapacitord.js';
import { epoch, values } from './support/lines.js';
import { influxVersion, needs } from './support/servers.js';
import { runProcess } from './support/server-process.js';
import { newTask, show } from './support/test-task.js';
import { eventually, until } from './support/until.js';

const proxied = needs('A proxy between a real Kapacitor and the host', ['KAPACITORD']);

describe.skipIf(proxied.missing)(proxied.title, () => {
  let folder: string;
  let agent: Agent;
  let proxy: Daemon;
  let kapacitord: Kapacitord;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ku-'));
    const [listen, socket] = [join(folder, 'recorded.sock'), join(folder, 'sockets', 'movingAverage.sock')];
    agent = new Agent({ folder, modules: [] });
    await agent.start();
    const [command, script] = cliCommand();
    const logFile = join(folder, 'proxy.log');
    const out = join(folder, 'out');
    const args = [script, 'record', '--proxy', '--listen', listen, '--socket', socket, '--out', out];
    proxy = new Daemon({ name: 'the proxy', logFile, process: runProcess({ command, args }, logFile) });
    await proxy.ready(() => Promise.resolve(proxy.log.includes('"msg":"ready"')));
    kapacitord = await Kapacitord.create({
      folder: join(folder, 'kapacitor'),
      udfConfig: `[udf.functions.movingAverage]\nsocket = "${listen}"\ntimeout = "10s"\n`,
      mounts: { writes: [folder], reads: [] },
    });
    await kapacitord.start();
  }, 60_000);

  afterAll(async () => {
    await kapacitord.stop();
    await proxy.stop();
    await agent.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  it('a task runs as without it; each connection is in a file, which replays without a difference', async () => {
    const task = await newTask(kapacitord.api, {
      script: `stream|from().measurement('cpu').groupBy('host')@movingAverage().field('value').size(2)${show('out')}`,
    });
    await task.write(values('cpu,host=a', [1, 3, 5]));
    await eventually(() => task.columns('out', 'host', 'avg')).toEqual([
      ['a', 1],
      ['a', 2],
      ['a', 4],
    ]);
    await kapacitord.api.disableTask(task.id); // Kapacitor half-closes, and waits for the end
    const files = readdirSync(join(folder, 'out')).map((file) => join(folder, 'out', file));
    const recorded = await Promise.all(
      files.map(async (file) => ({
        file,
        ...(await until('the recording is whole', () => readBoth(file))),
      })),
    );
    const [start, conversation, ...others] = recorded;
    expect(others).toEqual([]);
    expect(start!.requests.map(({ kind }) => kind)).toEqual(['info']);
    const { requests, responses, file } = conversation!;
    expect(requests[0]).toMatchObject({ kind: 'init', taskID: task.id });
    expect(requests.filter(({ kind }) => kind === 'point')).toHaveLength(3);
    expect(
      responses.filter(({ kind }) => kind === 'point').map((point) => 'time' in point && point.time),
    ).toEqual([0n, 1n, 2n].map((second) => epoch + second * 1_000_000_000n));
    const difference: string[] = [];
    const result = await replayConversation(await openConversationFile(file), movingAverage, {
      onDifference: (line) => difference.push(line),
    });
    expect(difference).toEqual([]);
    expect(result).toMatchObject({ task: task.id, same: 4, failure: undefined });
  });
});

const queried = needs('A recording from a query to a real InfluxDB', ['INFLUXD']);

describe.skipIf(queried.missing)(queried.title, () => {
  const influxd = useInfluxd();

  /** What `record --from-influx` writes to the file. */
  function record(query: string): string {
    const out = join(influxd.folder, 'a.lp');
    const [command, script] = cliCommand();
    const args = ['record', '--from-influx', query, '--url', `${influxd.api.url}?db=d`, '--out', out];
    execFileSync(command, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    return readFileSync(out, 'utf8');
  }

  it('holds what was written: types, extremes, texts with newlines, names with specials, all series by time', async () => {
    const lines = [
      'my\\ cpu,host=a\\,b,zone=1 s="say \\"hi\\" \\\\o/",i=9223372036854775807i,f=1,b=true 1514979051065000001',
      'my\\ cpu i=-9223372036854775808i,f=0.1 1514979051065000002',
      'my\\ cpu,host=c s="two\nlines" 1514979051065000003',
    ];
    await influxd.api.write('d', lines.join('\n'));
    expect(record('SELECT * FROM "my cpu"')).toBe(`${lines.join('\n')}\n`);
  });

  it('keeps a tag and a field of one name apart', async () => {
    const lines = ['same,t=fromtag t="fromfield",v=1 1000', 'same,t=other v=2 2000'];
    await influxd.api.write('d', lines.join('\n'));
    expect(record('SELECT * FROM same')).toBe(`${lines.join('\n')}\n`);
    expect(() => record('SELECT t, v FROM same')).toThrow(/"t" is ambiguous/);
  });

  it('comes in parts, however many points there are', async () => {
    const lines = Array.from(
      { length: 5_000 },
      (_, index) => `many,host=h${index % 3} value=${index}i ${index + 1}`,
    );
    await influxd.api.write('d', lines.join('\n'));
    expect(record('SELECT * FROM many')).toBe(`${lines.join('\n')}\n`);
  });

  it('takes the tags of a grouped query too', async () => {
    const lines = Array.from(
      { length: 6 },
      (_, index) => `few,host=h${index % 3} value=${index}i ${index + 1}`,
    );
    await influxd.api.write('d', lines.join('\n'));
    const sums = record('SELECT sum(value) FROM few WHERE time >= 0 AND time < 1s GROUP BY host').split('\n');
    expect(sums.map((line) => line.split(' ')[0])).toEqual(['few,host=h0', 'few,host=h1', 'few,host=h2', '']);
  });
});

const hasFlux = !queried.missing && influxVersion() === 2;

describe.skipIf(!hasFlux)('A recording from a Flux query to a real InfluxDB 2.x', () => {
  it('holds what was written: types, extremes, texts with newlines, all series by time', async () => {
    const folder = tempDir();
    const influxd = await startInfluxd(join(folder, 'influxdb'));
    try {
      await influxd.api.createDatabase('flux');
      const lines = [
        'cpu,host=a s="say \\"hi\\"",i=9223372036854775807i,f=1,b=true 1514979051065000001',
        'cpu i=-9223372036854775808i,f=0.1 1514979051065000002',
        'cpu,host=c s="two\nlines" 1514979051065000003',
      ];
      await influxd.api.write('flux', lines.join('\n'));
      const query =
        'from(bucket: "flux") |> range(start: 2018-01-01T00:00:00Z, stop: 2019-01-01T00:00:00Z) ' +
        '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")';
      const out = join(folder, 'a.lp');
      const [command, script] = cliCommand();
      const args = ['record', '--from-influx', query, '--url', influxd.api.target('flux'), '--out', out];
      execFileSync(command, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      // A pivot has its columns in no given order: each line by its parts.
      const parts = (text: string): string[] =>
        text
          .trimEnd()
          .split(/[ ,\n]/)
          .sort();
      const byTime = (text: string): string[] =>
        text
          .trimEnd()
          .split(/(?<=\d{19})\n/)
          .sort();
      const recorded = byTime(readFileSync(out, 'utf8')).map(parts);
      expect(recorded.sort()).toEqual(lines.map(parts).sort());
    } finally {
      await influxd.daemon.stop();
    }
  }, 60_000);
});
