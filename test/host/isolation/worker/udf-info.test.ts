import { defineUdf, option } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import type { UdfInfo } from '../../../../src/host/isolation/worker/messages.js';
import { checkedInfo, udfInfos } from '../../../../src/host/isolation/worker/udf-info.js';

const averages = defineUdf({
  name: 'averages',
  wants: 'stream',
  provides: 'stream',
  onError: 'drop',
  options: { size: option.int({ doc: 'Points.' }), field: option.string({ doc: 'Name.' }) },
  state: () => ({ count: 0 }),
  point: (point) => point,
});

const batches = defineUdf({
  name: 'batches',
  wants: 'batch',
  provides: 'batch',
  batch: (batch) => batch,
});

async function infoOf(udf: typeof averages | typeof batches): Promise<UdfInfo> {
  const [info] = await udfInfos(new Map([[udf.name, udf]]), []);
  return info!;
}

test('the info of a UDF is what the front must know, as plain data', async () => {
  const info = await infoOf(averages);
  expect(structuredClone(info)).toEqual(info);
  expect(info).toMatchObject({
    name: 'averages',
    wants: 'stream',
    provides: 'stream',
    options: { size: ['int'], field: ['string'], onError: ['string'] },
    isStateful: true,
    hasTimers: false,
    timersOnlyWith: undefined,
    collectsBatches: false,
    module: undefined,
  });
  expect(await infoOf(batches)).toMatchObject({ isStateful: false, collectsBatches: true });
});

describe('new code of a UDF', () => {
  test('is taken if Kapacitor need not be told', async () => {
    const old = await infoOf(averages);
    const found: UdfInfo = { ...old, module: 'another.mjs' };
    expect(checkedInfo(old, found)).toBe(found);
  });

  test.each<[string, (old: UdfInfo) => UdfInfo | undefined, string]>([
    ['is gone', () => undefined, 'its module does not export it any more'],
    [
      'has other edges',
      (old) => ({ ...old, provides: 'batch' }),
      'its edges were stream -> stream, are stream -> batch',
    ],
    [
      'has other options',
      (old) => ({ ...old, options: { ...old.options, size: ['double'], extra: [] } }),
      'its options have changed: size, extra',
    ],
  ])('is refused if it %s', async (_what, change, reason) => {
    const old = await infoOf(averages);
    expect(() => checkedInfo(old, change(old))).toThrow(
      expect.objectContaining({
        code: 'invalid_module',
        message: `averages: ${reason}; Kapacitor learns that only when it and this host are started again`,
      }),
    );
  });

  test.each<[Partial<UdfInfo>, string]>([
    [{ isStateful: false }, 'it has no state or timers any more'],
    [{ hasTimers: true }, 'it has timers now'],
    [{ collectsBatches: true }, 'it has a "batch" handler now'],
    [{ timersOnlyWith: ['hold'] }, 'the options that its timers depend on have changed'],
  ])('is refused if open connections cannot take it over: %j', async (changed, reason) => {
    const old = await infoOf(averages);
    expect(() => checkedInfo(old, { ...old, ...changed })).toThrow(
      expect.objectContaining({
        code: 'invalid_module',
        message: `averages: ${reason}; open connections cannot take that over: start this host again`,
      }),
    );
  });
});
