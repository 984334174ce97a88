import { defineUdf, option } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { runUdf } from '../../../src/testkit/run.js';
import { forged } from './support/snapshots.js';

describe('the options that a state depends on', () => {
  const doc = '';
  const options = {
    field: option.field({ repeatable: true, doc }),
    size: option.int({ default: 3, doc }),
    as: option.field({ default: 'seen', doc }),
  };
  const configured = defineUdf({
    name: 'configured',
    wants: 'stream',
    provides: 'stream',
    options,
    stateIndependentOf: ['as'],
    state: () => ({ seen: 0 }),
    point: (point, { state, options: { as } }) => point.replaceFields({ [as]: ++state.seen }),
  });

  async function restarted(before: string, now: string, snapshot?: Uint8Array) {
    const run = await runUdf(configured, { options: before });
    await run.send('cpu v=1');
    const taken = snapshot ?? (await run.snapshot());
    await run.stop();
    const again = await runUdf(configured, { options: now, snapshot: taken });
    const { points } = await again.send('cpu v=1');
    await again.stop();
    const warnings = again.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
    return { seen: Object.values(points[0]!.fields)[0], warnings };
  }

  test('keep it when they are the same', async () => {
    expect(await restarted(".field('a').size(2)", ".field('a').size(2)")).toEqual({ seen: 2, warnings: [] });
  });

  test('keep it when one is given that was the default', async () => {
    expect(await restarted(".field('a')", ".field('a').size(3)")).toEqual({ seen: 2, warnings: [] });
  });

  test('start it afresh when one has changed, and the log says which, once', async () => {
    expect(await restarted(".field('a').size(2)", ".field('b').size(4)")).toEqual({
      seen: 1,
      warnings: [
        "configured: the state depends on options that have changed since the snapshot: .field() was [ 'a' ], is [ 'b' ], .size() was 2, is 4; starting with fresh state",
      ],
    });
  });

  test('are not those that the definition names, nor those of the runtime', async () => {
    const { seen, warnings } = await restarted('', ".as('other').onError('drop').maxGroups(5)");
    expect({ seen, warnings }).toEqual({ seen: 2, warnings: [] });
  });

  test('are not known of an older snapshot, which restores as before', async () => {
    const header = { udf: 'configured', version: 1, codec: 'v8', groups: 1 };
    const old = forged(header, [['', { seen: 8 }, undefined]]);
    expect(await restarted('', '.size(9)', old)).toEqual({ seen: 9, warnings: [] });
  });

  test('have their defaults where the UDF did not have them yet', async () => {
    const header = { udf: 'configured', version: 1, codec: 'v8', groups: 1, options: { field: [] } };
    const old = forged(header, [['', { seen: 8 }, undefined]]);
    expect((await restarted('', '', old)).seen).toBe(9);
    expect((await restarted('', '.size(9)', old)).seen).toBe(1);
  });
});
