import { describe, expect, test } from 'vitest';
import { udfLines } from '../../src/host/describe-udfs.js';
import { bundledUdfs } from '../../udfs/index.js';
import { run } from '../support/run-program.js';

describe('list', () => {
  test('shows a line for each UDF: its name, its edges and what it does', async () => {
    const { code, stdout, stderr } = await run('list');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    for (const { name, doc, wants, provides } of bundledUdfs) {
      const line = lines.find((text) => text.startsWith(`${name} `));
      expect(line).toMatch(new RegExp(`^${name} +${wants} -> ${provides} +`));
      expect(line).toMatch(new RegExp(`  ${doc.replaceAll(/[().]/g, '\\$&')}$`));
    }
    expect(lines).toHaveLength(bundledUdfs.length + 3); // a blank line, and where the options are
  });

  test('cuts these lines to the width of a terminal', () => {
    const lines = udfLines(bundledUdfs, 60).split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
    expect(lines.filter((line) => line.endsWith('…')).length).toBeGreaterThan(0);
  });

  test('shows each option of the UDFs that are named, with its doc, in 80 columns', async () => {
    const { code, stdout, stderr } = await run('list', ...bundledUdfs.map(({ name }) => name));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // Docs are wrapped within their cells.
    const words = stdout.replace(/[│┌─┐└┘├┤┬┴┼]/g, ' ').replace(/\s+/g, ' ');
    for (const { name, doc, wants, provides, options } of bundledUdfs) {
      expect(words).toContain(`@${name}() ${wants} -> ${provides} ${doc}`);
      for (const option of Object.keys(options)) expect(words).toContain(`.${option}(`);
    }
    expect(words).toContain('Every UDF also has');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('shows only the UDFs that are named, once each', async () => {
    const { stdout } = await run('list', 'mirror', 'outliers', 'mirror');
    expect(stdout.match(/^@\w+/gm)).toEqual(['@mirror', '@outliers']);
  });

  test('writes values as a TICKscript does', async () => {
    const { stdout } = await run('list', 'outliers', 'edgeDetect');
    expect(stdout).toMatch(/\.scale\(double\) +│ 1\.5 /);
    expect(stdout).toMatch(/At least 1\.0|least 1\.0/);
    expect(stdout).toMatch(/\.emitFirst\(bool\) +│ TRUE /);
    expect(stdout).toMatch(/\.unit\(duration\) +│ 1s /);
    expect(stdout).toMatch(/\.onMissing\(string\) +│ 'skip' /);
    expect(stdout).toMatch(/\.field\(string\) +│ \(required\) /);
  });

  test('has no colours', async () => {
    expect((await run('list', 'mirror')).stdout).not.toContain('\u001b');
  });

  test('as JSON says the same to a program', async () => {
    const { stdout } = await run('list', 'edgeDetect', '--json');
    const [udf, ...others] = JSON.parse(stdout) as [{ name: string; options: { name: string }[] }];
    expect(others).toEqual([]);
    expect(udf).toMatchObject({ name: 'edgeDetect', wants: 'stream', provides: 'stream' });
    const option = (name: string) => udf.options.find((candidate) => candidate.name === name);
    expect(option('field')).toMatchObject({ required: false, repeatable: true, args: [{ type: 'string' }] });
    expect(option('unit')).toMatchObject({
      default: '1s',
      args: [{ type: 'duration', min: '1ns' }],
      runtime: false,
    });
    expect(option('onError')).toMatchObject({ args: [{ oneOf: ['stop', 'drop', 'pass'] }], runtime: true });
  });
});
