import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest';
import { rangeOf, sparkline } from '../../src/demo/average.js';
import { buildingPublications } from '../../src/demo/meters/building.js';
import type { MeterPageData } from '../../src/demo/meters/page.js';
import { Cli, cli, runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const execute = promisify(execFile);

describe('kapacitor-udf demo', () => {
  it('shows the changes, the averages and the rate, and leaves nothing behind', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kapacitor-udf-test-'));
    onTestFinished(() => {
      rmSync(directory, { recursive: true });
    });
    const temporary = join(directory, 't');
    mkdirSync(temporary);

    const { code, stdout, stderr } = await runCli(['demo'], { env: { ...process.env, TMPDIR: temporary } });

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const marked = stdout.split('\n').filter((line) => /│ \*\s+│/.test(line));
    expect(marked.map((line) => line.split('│').map((cell) => cell.trim()))).toEqual([
      ['', '2018-01-03 11:30:51', 'SHOWTIME', '*', 'the first record', ''],
      ['', '2018-01-03 11:32:21', 'TRAINING', '*', 'SHOWTIME for 1m30s', ''],
      ['', '2018-01-03 11:33:51', 'SHOWTIME', '*', 'TRAINING for 1m30s', ''],
      ['', '2018-01-03 11:41:21', 'TRAINING', '*', 'SHOWTIME for 7m30s', ''],
      ['', '2018-01-03 11:47:21', 'SHOWTIME', '*', 'TRAINING for 6m', ''],
      ['', '2018-01-03 11:50:21', 'TRAINING', '*', 'SHOWTIME for 3m', ''],
    ]);
    expect(stdout.match(/2018-01-03 11:\d\d:\d\d.*(SHOWTIME|TRAINING)/g)).toHaveLength(17);
    for (const line of stdout.replaceAll(temporary, '/tmp').split('\n'))
      expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/router1 +down [▁-█]{30}.*\n +avg +[▁-█]{30}/);
    for (const udf of ['mirror', 'edgeDetect', 'movingAverage']) {
      expect(stdout).toMatch(new RegExp(`^  ${udf} +[1-9][\\d,]+$`, 'm'));
    }
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('kapacitor-udf demo meters --html', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kapacitor-udf-test-'));
  const temporary = join(directory, 't');
  const page = join(directory, 'office.html');
  let result: { readonly stdout: string; readonly stderr: string };
  let lines: readonly string[];

  beforeAll(async () => {
    mkdirSync(temporary);
    const env = { ...process.env, TMPDIR: temporary };
    result = await execute(process.execPath, [cli, 'demo', 'meters', '--html', page], { env });
    lines = result.stdout.split('\n');
  }, 60_000);
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  /** The cells of a table's rows whose first cell matches. */
  const rowsOf = (first: RegExp): string[][] =>
    lines
      .filter((line) => line.startsWith('│ '))
      .map((line) =>
        line
          .split('│')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
      .filter(([cell = '']) => first.test(cell));
  const alertLines = (text: RegExp): string[] =>
    lines.filter((line) => /^ {2}(Mon|Tue|Wed|Thu|Fri|Sat|Sun) /.test(line) && text.test(line));

  it('ends well, in lines that fit a terminal, and leaves nothing behind', () => {
    expect(result.stderr).toBe(''); // and the exit code was 0
    for (const line of lines) {
      const length = line.replaceAll(temporary, '/tmp').replaceAll(directory, '.').length;
      expect(length, line).toBeLessThanOrEqual(80);
    }
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(directory).sort()).toEqual(['office.html', 't']);
  });

  it('fetches what is new in the feed', () => {
    expect(lines).toContain('  22 Mar 12:00: 21 days, 2000 readings');
    expect(lines).toContain(
      '  1 Apr 12:00: 10 days and a correction, 968 readings since 2026-03-22T15:00:00Z',
    );
    expect(lines.find((line) => line.startsWith('  1 Apr 13:00: nothing new'))).toBeDefined();
  });

  it('shows totals of days and the month, with what is missing and how often they were corrected', () => {
    const publications = buildingPublications().filter(({ date }) => date.month === 3);
    const kilowattHours = (isOf: (day: number) => boolean): string => {
      const readings = publications.filter(({ date }) => isOf(date.day)).flatMap((each) => each.readings);
      return (readings.reduce((sum, { wattHours }) => sum + wattHours, 0) / 1000).toFixed(1);
    };
    expect(rowsOf(/Mar$|^March/)).toEqual([
      ['Sun 8 Mar', kilowattHours((day) => day === 8), expect.any(String), '92', '0.0 %', '0'],
      ['Tue 17 Mar', kilowattHours((day) => day === 17), expect.any(String), '96', '4.2 %', '8'],
      ['March 2026', kilowattHours(() => true), expect.any(String), '2972', '0.1 %', '0'],
    ]);
    expect(lines).toContain('Tue 17 Mar was 12.5 % missing when it closed; late readings made it 4.2 %.');
    expect(result.stdout).toMatch(/^each day: [▁-█]{31}$/m);
  });

  it('shows overloads that last, silences, and voltages out of their band', () => {
    expect(alertLines(/kW|reading/)).toEqual([
      '  Thu 12 Mar 13:00   more than 30 kW for 2h',
      '  Tue 17 Mar 01:45   no reading for 2h15m',
      '  Thu 26 Mar 10:30   more than 30 kW for 1h30m',
    ]);
    const voltages = alertLines(/V for/);
    expect(voltages).toContain('  Thu 26 Mar 10:23   above 253 V for 30m');
    expect(voltages.filter((line) => line.includes('below 207 V'))).toHaveLength(6);
  });

  it('shows what the classifier foresaw, and that it is better than the hour before', () => {
    expect(alertLines(/V: (foreseen \d+ min before|not foreseen)$/)).toHaveLength(7);
    const [, right, hourAgo] =
      /right for ([\d.]+) % of the readings; “as in the last hour” for ([\d.]+) %/.exec(result.stdout) ?? [];
    expect(Number(right)).toBeGreaterThan(94);
    expect(Number(right)).toBeGreaterThan(Number(hourAgo));
  });

  it('shows forecasts with their intervals, methods and errors, and what was measured then', () => {
    const rows = rowsOf(/Apr \d\d:00$/);
    expect(rows.map(([hour, ahead]) => [hour, ahead])).toEqual([
      ['Wed 1 Apr 00:00', '1h'],
      ['Wed 1 Apr 05:00', '6h'],
      ['Wed 1 Apr 11:00', '12h'],
      ['Wed 1 Apr 23:00', '24h'],
      ['Thu 2 Apr 11:00', '36h'],
      ['Thu 2 Apr 23:00', '48h'],
    ]);
    for (const [, , kw, inner = '', outer = '', method, error] of rows) {
      const [low80, high80] = inner.split('–').map(Number);
      const [low95, high95] = outer.split('–').map(Number);
      const bounds = [low95, low80, Number(kw), high80, high95];
      expect(bounds).toEqual([...bounds].sort((a, b) => a! - b!));
      expect(method).toMatch(/^(seasonalNaive|smoothing|regression|blend)$/);
      expect(Number(error)).toBeLessThan(2);
    }
    const [, hours, within80, within95] =
      /^Of (\d+) hours, (\d+) were within the 80 % interval and (\d+) within the 95 % one;$/m.exec(
        result.stdout,
      ) ?? [];
    expect(Number(hours)).toBe(48);
    expect(Number(within80)).toBeGreaterThan(24);
    expect(Number(within95)).toBeGreaterThanOrEqual(43);
  });

  it('writes it all to one page', () => {
    expect(lines).toContain(`The page of results is written: ${page}`);
    const html = readFileSync(page, 'utf8');
    for (const [cell = ''] of [...rowsOf(/Mar$|^March/), ...rowsOf(/Apr \d\d:00$/)])
      expect(html).toContain(`<th scope="row">${cell}</th>`);
    const [, json = ''] = /<script type="application\/json" id="data">(.*)<\/script>/.exec(html)!;
    const data = JSON.parse(json) as MeterPageData;
    expect(data.load.times).toHaveLength(2972 - 4 + 192);
    expect(data.load.times).toEqual([...data.load.times].sort((a, b) => a - b));
    expect(data.days.kWh).toHaveLength(31);
    expect(data.voltage.volts.length).toBeGreaterThan(1900);
    expect(data.prediction!.probabilities).toHaveLength(data.voltage.volts.length);
    expect(data.forecast.filter(({ kw, later }) => kw !== null && later !== null)).toHaveLength(48);
  });
});

it('kapacitor-udf demo udfs has no page', async () => {
  const { code, stdout, stderr } = await runCli(['demo', '--html', 'office.html']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('--html is of the meters: kapacitor-udf demo meters --html FILE');
});

it.each([
  ['into a directory that is not there', 'absent/office.html', 'make its directory first'],
  ['over a directory', '.', 'it is a directory'],
  ['without a name', '', 'the page needs the name of a file'],
])('kapacitor-udf demo meters refuses a page %s before anything is shown', async (_, path, reason) => {
  const directory = tempDir();
  const { code, stdout, stderr } = await runCli(['demo', 'meters', '--html', path], { cwd: directory });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(reason);
  expect(readdirSync(directory)).toEqual([]);
});

describe('kapacitor-udf demo that is stopped', () => {
  test.each([
    ['SIGINT', 130, 'while the host starts', 'A host serves', 'udfs'],
    ['SIGTERM', 143, 'while the host starts', 'A host serves', 'udfs'],
    ['SIGINT', 130, 'while a feed is fetched', 'A host serves', 'meters'],
    ['SIGINT', 130, 'when it is at work', 'the first record', 'udfs'],
    ['SIGTERM', 143, 'when it is at work', 'the first record', 'udfs'],
  ] as const)(
    'by %s exits %d %s, and leaves neither host nor directory',
    async (signal, code, _when, shown, what) => {
      const temporary = tempDir();
      const demo = new Cli(['demo', what], { env: { ...process.env, TMPDIR: temporary } });
      demo.process.stdout!.setEncoding('utf8').on('data', (text: string) => (demo.stdout += text));
      await until(`"${shown}" is shown`, () => demo.stdout.includes(shown));
      expect(readdirSync(temporary)).toHaveLength(1);

      // Twice, as npm does. The host has the same standard error: the command has not ended for us while a host lives.
      demo.process.kill(signal);
      expect(await demo.stop(signal)).toEqual({ code, signal: null });

      expect(demo.stderr).toBe('');
      expect(readdirSync(temporary)).toEqual([]);
    },
  );
});

describe('a sparkline', () => {
  it('draws the least number lowest and the greatest highest', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([-1.5, 0.25, 2])).toBe('▁▅█');
  });

  it('draws equal numbers low, and nothing for none', () => {
    expect(sparkline([3, 3, 3])).toBe('▁▁▁');
    expect(sparkline([])).toBe('');
  });

  it('can share a scale with another', () => {
    expect(sparkline([0, 1], rangeOf([0, 7]))).toBe('▁▂');
  });
});
