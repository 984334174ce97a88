import { describe, expect, test } from 'vitest';
import { defineUdf, option } from 'kapacitor-udf';
import { linesOf, setUp } from './support/setup.js';

describe('what Kapacitor knows of a UDF', () => {
  const udf = defineUdf({
    name: 'scale',
    wants: 'stream',
    provides: 'stream',
    options: {
      field: option.string({ doc: 'A field.' }),
      factor: option.double({ doc: 'A factor.' }),
    },
    point: (point) => point,
  });
  const remedy = 'restart Kapacitor while the host runs: it asks each UDF once, at its start';

  test('is too old if an option is missing, or has other arguments', async () => {
    const setup = await setUp([udf]);
    const known = setup.kapacitor.infos.get('scale')!;
    const others = Object.entries(known.options).filter(([name]) => name !== 'factor');
    const options = { ...Object.fromEntries(others), field: ['string', 'int'] } as const;
    setup.kapacitor.infos.set('scale', { ...known, options });
    expect(await setup.findings()).toEqual([
      {
        severity: 'error',
        check: 'info',
        where: '@scale().field()',
        remedy,
        what: 'Kapacitor knows this option with other arguments than the UDF has now: unexpected number of args to field, got 1 expected 2',
      },
      {
        severity: 'error',
        check: 'info',
        where: '@scale().factor()',
        remedy,
        what: 'Kapacitor does not know this option, which the UDF has now',
      },
    ]);
  });

  test('is too old if it provides something else now, or is not known at all', async () => {
    const setup = await setUp([udf]);
    setup.kapacitor.infos.set('scale', { ...setup.kapacitor.infos.get('scale')!, provides: 'batch' });
    expect(linesOf(await setup.findings())).toEqual([
      'error @scale: Kapacitor takes it for a UDF that provides a batch, but it provides a stream now',
    ]);
    setup.kapacitor.infos.delete('scale');
    expect(linesOf(await setup.findings())).toEqual([
      'error @scale: Kapacitor does not know it: its section came into the configuration after the start of Kapacitor',
    ]);
  });

  test('is not seen by a user who may not define tasks', async () => {
    const setup = await setUp([udf]);
    setup.kapacitor.refusesWith = 403;
    expect(await setup.findings()).toMatchObject([
      { severity: 'note', check: 'info', what: expect.stringContaining('not authorized') as string },
    ]);
  });
});
