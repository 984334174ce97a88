import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../support/run-program.js';
import { Cli } from '../support/spawn-cli.js';
import { smallDisk } from '../support/small-disk.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

/** A server that takes writes, or refuses them all with this status and reason. */
async function influx(refusal?: { readonly status: number; readonly error: string }) {
  const stored: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
      if (!refusal) stored.push(...text.split('\n'));
      response.writeHead(refusal?.status ?? 204, { 'content-type': 'application/json' });
      response.end(refusal && JSON.stringify({ error: refusal.error }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { stored, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}?db=d` };
}

function file(name: string, text: string): string {
  const path = join(tempDir(), name);
  writeFileSync(path, text);
  return path;
}

const points = Array.from({ length: 7000 }, (_, index) => `m v=${index} ${index + 1}`);

describe('feed', () => {
  test('brings what stands before a malformed line, says how much that was, and then what is wrong', async () => {
    const { stored, url } = await influx();
    const path = file('big.lp', `${points.join('\n')}\nwrong\nm v=1 8000\n`);
    const { code, stderr } = await run('feed', path, '--url', url);
    expect(code).toBe(1);
    expect(stored).toEqual(points);
    expect(stderr).toMatch(/^7,000 points written; .*\nkapacitor-udf: .*big\.lp, line 7001: /);
  });

  test('prints no summary if nothing could be read', async () => {
    const { url } = await influx();
    expect(await run('feed', '/nowhere.lp', '--url', url)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'kapacitor-udf: cannot read /nowhere.lp: there is no such file\n',
    });
  });

  test('prints its summary as JSON though the file is wrong', async () => {
    const { url } = await influx();
    const { code, stdout } = await run('feed', file('a.lp', 'm v=1 1\nwrong\n'), '--url', url, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ arrived: 1, refused: 0 });
  });

  test('ends when there is no such retention policy, which InfluxDB 1.x reports as if it were away', async () => {
    const error = 'retention policy not found: nosuch';
    const { url } = await influx({ status: 500, error });
    const { code, stderr } = await run('feed', file('a.lp', 'm v=1 1\n'), '--url', `${url}&rp=nosuch`);
    expect(code).toBe(1);
    expect(stderr).toContain(`the server refuses all writes: HTTP 500: ${error}`);
  });

  test('into a database that is not there says how to create it', async () => {
    const { url } = await influx({ status: 404, error: 'database not found: "telegraf"' });
    const { code, stderr } = await run('feed', file('a.lp', 'm v=1 1\n'), '--url', url);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `the server refuses all writes: HTTP 404: database not found: "telegraf"; create it: influx -execute 'CREATE DATABASE "telegraf"'\n`,
    );
  });

  test('of standard input that is no line protocol says how to name its format', async () => {
    const { url } = await influx();
    for (const [args, text, hint] of [
      [[], 'name,time,x\nm,1,1\n', true],
      [[], 'm v=1 1\nwrong\n', false],
      [['--format', 'lp'], 'wrong\n', false],
    ] as const) {
      const feed = new Cli(['feed', '-', '--url', url, ...args]);
      feed.process.stdin!.end(text);
      expect(await feed.ended).toEqual({ code: 1, signal: null });
      expect(feed.stderr).toMatch(/kapacitor-udf: standard input, line \d: .*\n$/);
      const said = feed.stderr.endsWith('; if it is no line protocol, name its --format\n');
      expect(said, text).toBe(hint);
    }
  });

  test("takes a utility's export with date and time in two columns, of which replay makes the same", async () => {
    const { stored, url } = await influx();
    const path = file(
      'usage.csv',
      'Name,A B\nAddress,"1 ST, X"\n\nTYPE,DATE,START TIME,USAGE,NOTES\nElectric,03/08/2026,12:15 AM,"1,234.5"\nElectric,03/08/2026,03:00 AM,2\n',
    );
    const reading = [
      ...['--time-column', 'DATE', '--time-column', 'START TIME', '--time-format', 'MM/dd/yyyy hh:mm a'],
      ...[
        '--time-zone',
        'America/New_York',
        '--tag-column',
        'TYPE',
        '--thousands',
        ',',
        '--measurement',
        'm',
      ],
    ];
    const fed = await run('feed', path, ...reading, '--url', url);
    expect(fed).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('2 lines above the header') as string,
    });
    expect(stored).toEqual([
      'm,TYPE=Electric USAGE=1234.5 1772946900000000000',
      'm,TYPE=Electric USAGE=2 1772953200000000000',
    ]);
    const replayed = await run('replay', path, ...reading, '--udf', 'mirror');
    expect(replayed.stdout.trim().split('\n')).toEqual(stored);
  });

  test('of a directory says that it is one', async () => {
    const directory = tempDir();
    const { code, stderr } = await run('feed', directory, '--url', 'http://127.0.0.1:1?db=d');
    expect(code).toBe(1);
    expect(stderr).toContain(`kapacitor-udf: ${directory} is a directory, not a recording\n`);
  });

  test('with a wrong command line says so in one line, and never what may be a password', async () => {
    const directory = tempDir();
    for (const name of ['a.lp', 'b.lp']) writeFileSync(join(directory, name), 'm v=1 1\n');
    const url = 'http://127.0.0.1:1?db=d';
    const many = join(directory, '*.lp');
    for (const [args, problem] of [
      [[many, '--follow', '--url', url], `--follow takes one file, and ${many} means 2`],
      [
        ['a.lp', '--points', '3', '--url', url],
        '--points, --seed, --meters and --rate are of --demo, and there is none',
      ],
      [['a.lp', '--meters', '3', '--url', url], '--meters and --rate are of --demo, and there is none'],
      [['--demo', 'adsl', '--meters', '3', '--url', url], '--meters is of --demo meters, not of --demo adsl'],
      [
        ['--demo', 'meters', '--rate', '3', '--url', url],
        '--rate is of the demo of --meters, and there is none',
      ],
      [['--demo', 'meters', '--rate', '-1', '--url', url], 'It must be a number above 0'],
      [['a.lp', '--url', 'ftp://host/x'], '"ftp://host/x" is no URL of an InfluxDB'],
      [['a.lp', '--url', 'http://localhost:8086'], 'name either ?db=DATABASE'],
      [['a.lp', '--url', 'http://me:secret@localhost:8086?db=d'], 'give credentials in INFLUX_TOKEN'],
      [['a.lp', '--url', 'localhost:8086?db=d&p=secret'], '"localhost:8086" is no URL of an InfluxDB'],
      [['a.lp', '--url', `${url}&u=me&p=secret`], 'give credentials in INFLUX_TOKEN'],
      [['a.lp', '--url', `${url}&precision=s`], 'parameter "precision" is not supported'],
      [['a.lp', `--ulr=${url}&p=secret`], "unknown option '--ulr'"],
      [['a.lp', '--kapacitor', 'http://k:9092?db=d&u=me&p=secret'], 'give credentials in KAPACITOR_USERNAME'],
      [['a.lp'], 'name either --url or --kapacitor'],
      [['a.lp', '--url', url, '--kapacitor', 'http://k?db=d'], 'name either --url or --kapacitor'],
      [[url, '--url', url], 'a source must be a file, got a URL'],
      [['http://me:secret@h', '--url', url], 'a source must be a file, got a URL'],
      [['kairosdb+http://h', '--url', url], 'a source must be a file, got a URL'],
      [['a.lp', '--url', 'kairosdb+http://me:secret@h'], 'h: give credentials in KAIROSDB_USERNAME'],
      [
        ['a.lp', '--url', 'kairosdb+http://h?db=d'],
        'parameter "db" is not supported: KairosDB has no databases',
      ],
      [['a.lp', '--url', 'kairosdb+http://h?tag=home'], "the URL's parameter tag must be NAME=VALUE"],
      [['a.lp', '--kapacitor', 'nonsense'], '"nonsense" is no URL of a Kapacitor'],
    ] as const) {
      const { code, stderr } = await run('feed', ...args);
      expect(code, args.join(' ')).toBe(2);
      expect(stderr).toContain(problem);
      expect(stderr).not.toContain('secret');
      expect(stderr.split('\n')).toHaveLength(2);
    }
  });
});

describe('feed that a signal stops', () => {
  const slow = ['--speed', 'real', '--flush', '1ms'];

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('before the end of its file by %s says so and exits %d', async (signal, code) => {
    const { stored, url } = await influx();
    const path = file('long.lp', 'm v=1 1\nm v=2 3600000000000\n');
    const feed = new Cli(['feed', path, '--url', url, ...slow]);
    await until('the first point is there', () => stored.length === 1);
    expect(await feed.stop(signal)).toEqual({ code, signal: null });
    expect(feed.stderr).toContain(`\nstopped by ${signal} before the end\n`);
  });

  test('while the server is away exits with the code of the signal too', async () => {
    const { url } = await influx({ status: 503, error: 'away' });
    const feed = new Cli(['feed', file('a.lp', 'm v=1 1\n'), '--url', url]);
    await until('the outage is told', () => feed.stderr.includes('the server does not answer'));
    expect(await feed.stop('SIGTERM')).toEqual({ code: 143, signal: null });
    expect(feed.stderr).toContain('1 not sent: ');
  });

  test.each([
    ['a file that is followed', () => [file('a.lp', 'm v=1 1\n'), '--follow']],
    ['a demo without end', () => ['--demo', 'adsl', '--shift-to-now']],
  ])('has come to its end with %s', async (_what, source) => {
    const { stored, url } = await influx();
    const feed = new Cli(['feed', ...source(), '--url', url, '--flush', '1ms']);
    await until('a point is there', () => stored.length > 0);
    expect(await feed.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(feed.stderr).not.toContain('before the end');
  });
});

test('a full disk under --spool ends the feed with one line, a true count, and no part file', async (context) => {
  const spool = join(smallDisk(context), 'spool');
  const path = file('long.lp', points.join('\n'));
  const args = ['--url', 'http://127.0.0.1:1?db=d', '--spool', spool, '--batch', '500', '--json'];
  const { code, stdout, stderr } = await run('feed', path, ...args);
  expect(code).toBe(1);
  const files = readdirSync(spool);
  expect(files.every((name) => name.endsWith('.spooled.jsonl'))).toBe(true);
  expect(files.length).toBeGreaterThan(0);
  expect(JSON.parse(stdout)).toMatchObject({
    arrived: 0,
    refused: 0,
    unsent: 500,
    waitingBatches: files.length,
  });
  expect(stderr.split('\n')).toEqual([
    expect.stringMatching(/^the server does not answer /),
    `kapacitor-udf: cannot spool to ${spool}: no space left on device; 500 lines not kept, from ${path}, line ${500 * files.length + 1} on`,
    '',
  ]);
});
