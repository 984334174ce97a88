import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { rangeOf, sparkline } from '../../src/demo/average.js';
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

describe('kapacitor-udf demo that is stopped', () => {
  test.each([
    ['SIGINT', 130, 'while the host starts', 'A host serves'],
    ['SIGTERM', 143, 'while the host starts', 'A host serves'],
    ['SIGINT', 130, 'when it is at work', 'the first record'],
    ['SIGTERM', 143, 'when it is at work', 'the first record'],
  ] as const)(
    'by %s exits %d %s, and leaves neither host nor directory',
    async (signal, code, _when, shown) => {
      const temporary = tempDir();
      const demo = new Cli(['demo'], { env: { ...process.env, TMPDIR: temporary } });
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
