import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openRecording } from '../../src/recording/open.js';
import type { LazyPoint } from '../../src/wire/point/lazy-point.js';
import { pack } from '../support/packed.js';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';

/** A server in InfluxDB's place that has these rows, and then maybe breaks off. */
async function influx(rows: readonly unknown[], breaks = false): Promise<string> {
  const series = { name: 'm', columns: ['time', 'i', 's'], values: rows };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/x-msgpack');
    response.write(pack({ results: [{ series: [series] }] }), () => {
      if (breaks) response.destroy();
      else response.end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}?db=d`;
}

const rows = [
  [1514979051065000001n, 2n ** 63n - 1n, 'a "b"'],
  [1514979051065000002n, -1n, null],
];

describe('record --from-influx', () => {
  test.each(['a.lp', 'a.lp.gz', 'a.srpl', 'a.jsonl', 'a.csv'])(
    'makes a recording %s that reads back',
    async (name) => {
      const out = join(tempDir(), name);
      const url = await influx(rows);
      expect(await run('record', '--from-influx', 'SELECT * FROM m', '--url', url, '--out', out)).toEqual({
        code: 0,
        stdout: '',
        stderr: `2 points recorded in ${out}\n`,
      });
      const found: unknown[] = [];
      for await (const items of await openRecording(out)) {
        for (const item of items as LazyPoint[]) found.push([item.name, item.time, item.fields]);
      }
      expect(found).toEqual([
        ['m', 1514979051065000001n, { i: 2n ** 63n - 1n, s: 'a "b"' }],
        ['m', 1514979051065000002n, { i: -1n }],
      ]);
    },
  );

  test('leaves no half recording behind when the connection breaks, and keeps the one that was there', async () => {
    const directory = tempDir();
    const out = join(directory, 'a.lp');
    await run('record', '--from-influx', 'SELECT v FROM m', '--url', await influx(rows), '--out', out);
    const before = readFileSync(out, 'utf8');
    const { code, stderr } = await run(
      'record',
      '--from-influx',
      'SELECT v FROM m',
      '--url',
      await influx(rows, true),
      '--out',
      out,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^kapacitor-udf: no answer from InfluxDB at http:.*; is it running, and the URL right\?\n$/,
    );
    expect(readFileSync(out, 'utf8')).toBe(before);
    expect(readdirSync(directory)).toEqual(['a.lp']);
  });

  test('says so when the file cannot be written', async () => {
    const out = join(tempDir(), 'no', 'a.lp');
    const { code, stderr } = await run(
      'record',
      '--from-influx',
      'SELECT v FROM m',
      '--url',
      await influx(rows),
      '--out',
      out,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(
      `kapacitor-udf: cannot write ${out}: no such file or directory; make its directory first`,
    );
    expect(existsSync(out)).toBe(false);
  });

  test.each([
    [['--out', 'a.lp'], 2, 'record --from-influx needs --url'],
    [
      ['--out', 'a.txt.zip', '--url', 'http://localhost:1?db=d'],
      1,
      'the name a.txt.zip shows no known format',
    ],
    [['--out', 'a.brpl', '--url', 'http://localhost:1?db=d'], 2, "a query's points are a stream"],
    [['--out', 'a.lp', '--url', 'http://localhost:1'], 2, 'name either ?db=DATABASE'],
  ])('with a wrong command line says so in one line (%j)', async (args, code, problem) => {
    const result = await run('record', '--from-influx', 'SELECT v FROM m', ...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(problem);
    expect(result.stderr.split('\n')).toHaveLength(2);
  });

  test('is not sent when it may write', async () => {
    const out = join(tempDir(), 'a.lp');
    const url = await influx([], true);
    const result = await run('record', '--from-influx', 'DROP MEASUREMENT m', '--url', url, '--out', out);
    expect(result).toMatchObject({
      code: 1,
      stderr: 'kapacitor-udf: only a query that reads is sent: "DROP" does not select\n',
    });
    expect(existsSync(out)).toBe(false);
  });
});
