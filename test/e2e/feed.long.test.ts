import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliCommand } from './support/cli.js';
import { useInfluxd } from './support/influxd.js';
import { needs } from './support/servers.js';
import { until } from './support/until.js';

const { title, missing } = needs('Feeding a real InfluxDB', ['INFLUXD']);

describe.skipIf(missing)(title, () => {
  const influxd = useInfluxd();

  /** Starts a feed; what it prints comes with its end. */
  function feed(...args: string[]) {
    const [command, script] = cliCommand();
    const child = spawn(command, [script, 'feed', ...args, '--url', influxd.api.target('d')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const ended = once(child, 'exit').then(([code]) => ({ code: code as number, said }));
    return { child, ended, said: () => said };
  }

  const count = async (measurement: string): Promise<number> => {
    const [row] = await influxd.api.query(`SELECT count(v) AS n FROM ${measurement}`, 'd');
    return Number(row?.n ?? 0);
  };

  it('writes files of every kind, and tells what the server refuses line by line', async () => {
    const file = join(influxd.folder, 'mixed.lp');
    writeFileSync(file, 'mixed v=1 1\n# a comment\nmixed v="text" 2\nmixed v=3 3\n');
    const csv = join(influxd.folder, 'more.csv');
    writeFileSync(csv, 'time,name,double:v\n4,mixed,4\n');
    const { code, said } = await feed(file, csv).ended;
    expect(said).toMatch(/mixed\.lp, line 3: refused: HTTP 4(?:00|22): /); // of InfluxDB 1.x, and 2.x
    expect(said).toContain('3 points written, 1 refused');
    expect(code).toBe(1);
    expect(await count('mixed')).toBe(3);
  });

  it('loses nothing when the server is killed in the middle, with and without a spool', async () => {
    const points = 60_000;
    for (const name of ['waiting', 'spooling']) {
      const file = join(influxd.folder, `${name}.lp`);
      writeFileSync(
        file,
        Array.from({ length: points }, (_, index) => `${name} v=${index}i ${index + 1}`).join('\n'),
      );
      const spool = join(influxd.folder, `${name}.spool`);
      mkdirSync(spool);
      const { ended, said } = feed(
        file,
        '--batch',
        '500',
        ...(name === 'spooling' ? ['--spool', spool] : []),
      );
      await until('some points are there', async () => (await count(name)) > 0);
      await influxd.daemon.kill();
      await until('the feed has noticed', () =>
        Promise.resolve(said().includes('the server does not answer')),
      );
      await influxd.restart();
      expect(await ended).toMatchObject({ code: 0 });
      expect(await count(name)).toBe(points);
      expect(readdirSync(spool)).toEqual([]);
    }
  }, 60_000);

  it('feeds a demo of the router: the same lines whenever it runs', async () => {
    for (let run = 0; run < 2; run++) {
      expect(await feed('--demo', 'adsl', '--points', '2000').ended).toMatchObject({ code: 0 });
    }
    const [row] = await influxd.api.query('SELECT count(value) AS n FROM adsl_connection', 'd');
    expect(Number(row?.n)).toBeGreaterThan(500);
    expect(Number(row?.n)).toBeLessThan(2000); // beside it there are noise margins
  });
});
