import { describe, expect, it } from 'vitest';
import { isolate } from '../../src/script-test/isolated-script.js';

const copy = (script: string, watch: readonly string[] = [], alerts = false): string =>
  isolate(script, {
    watch,
    alerts,
    database: 'own',
    cron: '7 * * * * * *',
    others: [{ db: 'telegraf', rp: 'autogen' }],
  }).text({ batches: new Set(), output: 'http' });

describe('the copy of a script', () => {
  it('writes nowhere and tells nobody', () => {
    const text = copy(`dbrp "telegraf"."autogen"
stream
    |from().database('telegraf').retentionPolicy('autogen').measurement('m')
    |alert().crit(lambda: TRUE).topic('t').email().to('me@example.org').slack().channel('#a').category('c').inhibit('d').stateChangesOnly()
    |deadman(1.0, 10s).slack()
    |httpPost('http://example.org')
    |influxDBOut().database('telegraf').measurement('x')`);
    expect(text).not.toMatch(
      /dbrp|database|topic|email|example|slack|channel|category|inhibit|influxDBOut|httpPost/,
    );
    expect(text).toContain("|from().measurement('m')");
    expect(text).toContain(".crit(lambda: TRUE).stateChangesOnly().levelField('kapacitor_udf_level')");
  });

  it('reads a database of its own, once', () => {
    const text = copy(
      `batch|query('SELECT a FROM "telegraf"."autogen"."m", telegraf.autogen.n WHERE b = \\'c\\'').period(1h).every(10m).align()`,
    );
    expect(text.trim()).toBe(
      `batch|query('SELECT a FROM "own"."autogen"."m", "own"."autogen".n WHERE b = \\'c\\'').period(1h).cron('7 * * * * * *')`,
    );
  });

  it('shows what comes out of nodes in the middle of a chain, at its end, and in a variable', () => {
    const shown = (endpoint: string): string =>
      `${endpoint}|eval(lambda: string(count())).as('kapacitor_udf_n').tags('kapacitor_udf_n').keep()|groupBy(*)|httpOut('${endpoint}')`;
    const text = copy("var a = stream|from()@edgeDetect().field('v')|log()\na|where(lambda: TRUE)", [
      ...['edgeDetect', 'log3', 'where'],
    ]);
    expect(text.trim().split('\n')).toEqual([
      "var kapacitor_udf_2 = stream|from()@edgeDetect().field('v')",
      'var kapacitor_udf_3 = kapacitor_udf_2|log()',
      'var a = kapacitor_udf_3',
      'var kapacitor_udf_4 = a|where(lambda: TRUE)',
      ...['kapacitor_udf_2', 'kapacitor_udf_3', 'kapacitor_udf_4'].map(shown),
    ]);
  });

  it('knows nodes by name, and by name and number as Kapacitor shows them', () => {
    const script = "stream|from()|influxDBOut()\nstream|from()|httpOut('a')";
    const numbers = (name: string): number | undefined =>
      isolate(script, {
        watch: [name],
        alerts: false,
        database: 'own',
        others: [],
        cron: '',
      }).watched.get(name)?.node.number;
    expect([
      numbers('influxDBOut'),
      numbers('influxdb_out2'),
      numbers('from3'),
      numbers('http_out4'),
    ]).toEqual([2, 2, 3, 4]);
    expect(() => numbers('from')).toThrow('there is more than one node from: name from1, from3');
    expect(() => numbers('htpOut')).toThrow('the script has no node htpOut (did you mean httpOut?)');
    expect(() => numbers('xyz')).toThrow('(there are from1, influxDBOut2, from3, httpOut4)');
  });
});
