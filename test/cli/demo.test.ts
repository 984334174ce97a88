import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { rangeOf, sparkline } from '../../src/demo/average.js';
import { buildingDays, type PublishedDay } from '../../src/demo/building.js';
import { Cli, runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

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

describe('kapacitor-udf demo meters', () => {
  it(
    'shows feed, totals and alerts of a building, and leaves nothing behind',
    { timeout: 60_000 },
    async () => {
      const temporary = tempDir();
      const env = { ...process.env, TMPDIR: temporary };
      const { code, stdout, stderr } = await runCli(['demo', 'meters'], { env });

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^ {2}22 Mar 12:00: 21 days, 2000 readings$/m);
      expect(stdout).toMatch(/^ {2}1 Apr 12:00: 10 days, 960 readings, asked from 2026-03-22T15:00:00Z$/m);
      expect(stdout).toMatch(/^ {2}1 Apr 13:00: nothing new, /m);
      const rows = stdout.split('\n').filter((line) => /^│ \w/.test(line));
      const kilowattHours = (days: readonly PublishedDay[]): string => {
        const readings = days.flatMap((day) => day.readings);
        return (readings.reduce((sum, { wattHours }) => sum + wattHours, 0) / 1000).toFixed(1);
      };
      const days = buildingDays();
      expect(
        rows.map((row) =>
          row
            .split('│')
            .slice(1, -1)
            .map((cell) => cell.trim()),
        ),
      ).toEqual([
        ['Sun 8 Mar', kilowattHours(days.slice(7, 8)), expect.any(String), '92', '0.0 %'],
        ['Tue 17 Mar', kilowattHours(days.slice(16, 17)), expect.any(String), '96', '12.5 %'],
        ['March 2026', kilowattHours(days), expect.any(String), '2972', '0.4 %'],
      ]);
      expect(stdout).toMatch(/^each day: [▁-█]{31}$/m);
      expect(stdout.split('\n').filter((line) => /^ {2}(Mon|Tue|Wed|Thu|Fri|Sat|Sun) /.test(line))).toEqual([
        '  Thu 12 Mar 13:00  more than 30 kW for 2h',
        '  Tue 17 Mar 01:45  no reading for an hour',
        '  Tue 17 Mar 04:00  readings again',
        '  Thu 26 Mar 10:30  more than 30 kW for 1h30m',
      ]);
      for (const line of stdout.replaceAll(temporary, '/tmp').split('\n'))
        expect(line.length).toBeLessThanOrEqual(80);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );
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
