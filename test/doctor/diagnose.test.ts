import { describe, expect, test } from 'vitest';
import { diagnose, diagnosisText, hasProblems } from '../../src/doctor/diagnose.js';
import { mirror } from '../../udfs/index.js';
import { linesOf, setUp, taskOf } from './support/setup.js';

test('a setup that is right has no finding, and Kapacitor is asked to define nothing that it could take', async () => {
  const setup = await setUp();
  setup.kapacitor.tasks.push(taskOf('fine', 'stream|from()@mirror().quiet()'));
  expect(await setup.findings()).toEqual([]);
  expect(setup.kapacitor.scripts).toHaveLength(2);
  for (const script of setup.kapacitor.scripts) expect(script).toMatch(/\.kapacitorUdfDoctor\(\)$/);
});

test('a Kapacitor that does not answer is an error, and without it the rest is checked', async () => {
  const setup = await setUp();
  const findings = await setup.findings({ kapacitor: { url: 'http://127.0.0.1:1' } });
  expect(findings).toMatchObject([{ severity: 'error', check: 'setup', where: 'http://127.0.0.1:1' }]);
  expect(await setup.findings({ kapacitor: undefined })).toEqual([]);
});

describe('a diagnosis', () => {
  test('names the defects of the version of Kapacitor, which are no problems', async () => {
    const setup = await setUp();
    const kapacitor = { url: setup.kapacitor.url };
    const ask = () => diagnose({ config: setup.config, kapacitor, kapacitorUser: '0' });
    const diagnosis = await ask();
    expect(diagnosis).toMatchObject({ udfs: 2, tasks: 0, kapacitor: { version: '1.8.3' } });
    expect(diagnosis.findings.map(({ severity }) => severity)).toEqual(['note', 'note', 'note']);
    expect(diagnosisText(diagnosis)).toContain('send on closed channel');
    expect(diagnosisText(diagnosis)).toMatch(/\nno problem \(3 notes\)$/);
    expect(hasProblems(diagnosis)).toBe(false);
    for (const version of ['1.9.0', '1.5.6', '']) {
      setup.kapacitor.version = version;
      expect(linesOf((await ask()).findings)[0]).toMatch(
        /^note Kapacitor (1\.9\.0|1\.5\.6|unknown) at http:.*: kapacitor-udf is tested with versions 1\.5\.7 to 1\.8\.3$/,
      );
    }
  });

  test('shows errors first, three lines each, and what was checked', async () => {
    const setup = await setUp([mirror]);
    await setup.stopHost();
    const text = diagnosisText(await diagnose({ config: setup.config, kapacitorUser: '0' }));
    expect(text).toBe(
      `error    @mirror does not answer: there is no socket
   where: ${setup.socketOf('mirror')}
   to do: start the host: kapacitor-udf serve --config ${setup.config}

checked: 1 UDF; ${setup.config}; no Kapacitor
1 error, 0 warnings, 0 notes`,
    );
  });
});
