/** Kapacitor's holtWinters runs the code of InfluxDB's HOLT_WINTERS(): this asks a real InfluxDB 1.x for its forecasts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory, tied } from '../clean-up.mjs';
import { freePort } from '../free-port.mjs';

/** Of the history that it gets: it adjusts its parameters to all of it by many passes. */
const historyDays = 14;

export async function startHoltWinters(program) {
  const directory = temporaryDirectory('holt-winters-');
  const [port, rpc] = [await freePort(), await freePort()];
  const config = join(directory, 'influxdb.conf');
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
dir = "${directory}/meta"
[data]
dir = "${directory}/data"
wal-dir = "${directory}/wal"
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
`,
  );
  const child = tied(spawn(program, ['run', '-config', config], { stdio: 'ignore' }));
  const url = `http://127.0.0.1:${port}`;
  const query = async (text) => {
    const answer = await fetch(`${url}/query?db=bench&epoch=s`, {
      method: 'POST',
      body: new URLSearchParams({ q: text }),
    });
    const { results } = await answer.json();
    if (results[0].error) throw new Error(results[0].error);
    return results[0].series?.[0].values ?? [];
  };
  for (let tries = 0; ; tries++) {
    try {
      await query('CREATE DATABASE bench');
      break;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    async write(measurement, { start, interval, values }) {
      const lines = [...values].flatMap((value, index) =>
        Number.isNaN(value) ? [] : [`${measurement} value=${value} ${start + index * interval}`],
      );
      for (let at = 0; at < lines.length; at += 5000) {
        await fetch(`${url}/write?db=bench&precision=s`, {
          method: 'POST',
          body: lines.slice(at, at + 5000).join('\n'),
        });
      }
    },
    /** Forecasts by time in seconds, from the value at `origin`. */
    async forecast(measurement, { interval }, origin, count) {
      const season = 86_400 / interval;
      const rows = await query(
        `SELECT HOLT_WINTERS(FIRST(value), ${count}, ${season}) FROM ${measurement} ` +
          `WHERE time > ${origin - historyDays * 86_400}s AND time <= ${origin}s GROUP BY time(${interval}s)`,
      );
      return new Map(rows);
    },
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}
