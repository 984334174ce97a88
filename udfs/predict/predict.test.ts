import { join } from 'node:path';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { expectPoints, type PointSource, runUdf } from 'kapacitor-udf/testkit';
import { afterEach, describe, expect, it, test, vi } from 'vitest';
import type { Fields } from '../../src/model/values.js';
import {
  classifier,
  dictionary,
  difference,
  halfPrecision,
  lookup,
  regressor,
  unloadable,
  writeModel,
} from '../../test/support/onnx-models.js';
import { tempDir } from '../../test/support/temp-dir.js';
import { outputOf, refusal } from '../../test/support/udf-runs.js';
import { columnKinds } from './columns.js';
import predict from './predict.js';
import { loadingProblem, runtimeProblem } from './runtime.js';
import { openModel, SharedModel } from './shared-model.js';

/** `.model()` of a file with this model. */
function modelOf(bytes: Uint8Array): string {
  return `.model('${writeModel(join(tempDir(), 'm.onnx'), bytes)}')`;
}

/** A probability in single precision. */
const near = (probability: number): unknown => expect.closeTo(probability, 4);

/** The fields that come out for points of one group. */
async function fieldsOf(options: string, ...points: readonly Fields[]): Promise<Fields[]> {
  const { points: emitted } = await outputOf(predict, options, points.map(pointOf));
  return emitted.map(({ fields }) => fields);
}

function pointOf(fields: Fields, index: number): PointSource {
  return { name: 'm', time: BigInt(index), tags: { host: 'a' }, dimensions: ['host'], fields };
}

describe('predict', () => {
  it('adds the number that a regressor gives, and keeps the rest of the point', async () => {
    const { points } = await outputOf(
      predict,
      `${modelOf(regressor([2, -1], 0.5))}.feature('a').feature('b').as('y')`,
      'm,host=x a=3,b=1.5,other="kept" 7\nm,host=y a=0,b=0,other="kept" 8',
      { groupBy: ['host'] },
    );
    expectPoints(points, 'm,host=x a=3,b=1.5,other="kept",y=5 7\nm,host=y a=0,b=0,other="kept",y=0.5 8');
  });

  it('adds the class that a classifier gives, its probability, and those of chosen classes', async () => {
    const options = `${modelOf(classifier())}.feature('v').as('class').probabilityAs('p').probability('low','p_low')`;
    const [low, high] = await fieldsOf(options, { v: -2 }, { v: 1 });
    expect(low).toEqual({
      v: -2,
      class: 'low',
      p: near(0.8808),
      p_low: near(0.8808),
    });
    expect(high).toEqual({
      v: 1,
      class: 'high',
      p: near(0.7311),
      p_low: near(0.2689),
    });
  });

  it('names the most probable class of a model without labels by class', async () => {
    const options = `${modelOf(classifier('probabilities'))}.feature('v').class('calm').class('storm').probabilityAs('p')`;
    expect(await fieldsOf(options, { v: 1 }, { v: -1 })).toEqual([
      { v: 1, prediction: 'storm', p: near(0.7311) },
      { v: -1, prediction: 'calm', p: near(0.7311) },
    ]);
  });

  it('gives features to inputs by their names, in any order', async () => {
    const options = `${modelOf(difference())}.feature('b').feature('a')`;
    expect(await fieldsOf(options, { a: 5, b: 3 })).toEqual([{ a: 5, b: 3, prediction: 2 }]);
  });

  it('scores each point alone where the model takes one at once', async () => {
    const options = `${modelOf(regressor([1], 0, { points: 1 }))}.feature('v')`;
    const emitted = await fieldsOf(options, { v: 1 }, { v: 2 }, { v: 3 });
    expect(emitted.map(({ prediction }) => prediction)).toEqual([1, 2, 3]);
  });

  it('scores the points of one group together, and keeps their order', async () => {
    const runs = vi.spyOn(SharedModel.prototype, 'run');
    const values = Array.from({ length: 3000 }, (_, index) => ({ v: index }));
    const emitted = await fieldsOf(`${modelOf(regressor([1]))}.feature('v')`, ...values);
    expect(emitted.map(({ prediction }) => prediction)).toEqual(values.map(({ v }) => v));
    expect(runs.mock.calls.length).toBeLessThan(60);
    runs.mockRestore();
  });

  describe('features', () => {
    const number = (): string => `${modelOf(regressor([1]))}.feature('v')`;

    it.each<[string, Fields, unknown]>([
      ['a double', { v: 1.5 }, 1.5],
      ['an integer', { v: 3n }, 3],
      ['a boolean', { v: true }, 1],
      ['the text of a number', { v: '-2.5e1' }, -25],
    ])('may be %s', async (_what, fields, prediction) => {
      expect(await fieldsOf(number(), fields)).toEqual([{ ...fields, prediction }]);
    });

    it('may be tags', async () => {
      const { points } = await outputOf(predict, number(), 'm,v=4 x=1 1');
      expect(points.map(({ fields }) => fields)).toEqual([{ x: 1, prediction: 4 }]);
    });

    it('may be text where the model takes text', async () => {
      const options = `${modelOf(dictionary())}.feature('v')`;
      const emitted = await fieldsOf(options, { v: 'two' }, { v: 'three' });
      expect(emitted.map(({ prediction }) => prediction)).toEqual([2, -0]);
    });

    it('must be whole where the model takes integers', async () => {
      const options = `${modelOf(regressor([1], 0, { type: 'int64' }))}.feature('v')`;
      expect(await fieldsOf(options, { v: 2 }, { v: 2.5 }, { v: 3n })).toEqual([
        { v: 2, prediction: 2 },
        { v: 3n, prediction: 3 },
      ]);
    });

    it.each([
      ['9007199254740993', 2n ** 53n + 1n],
      ['-9223372036854775808', -(2n ** 63n)],
      ['2.0', 2n],
      ['2.5', undefined],
    ])('is read exactly where the model takes integers: the text %s', (text, expected) => {
      expect(columnKinds.int64.convert(text)).toBe(expected);
    });

    it.each([1e300, -(2 ** 63) * 2, '9223372036854775808', 2 ** 63])(
      'is missing where the model takes integers and it is too large: %d',
      async (v) => {
        const options = `${modelOf(regressor([1], 0, { type: 'int64' }))}.feature('v')`;
        expect(await fieldsOf(options, { v }, { v: 1 })).toEqual([{ v: 1, prediction: 1 }]);
      },
    );

    it('is missing where the model takes single precision and it is too large for that', async () => {
      const { points, counters } = await outputOf(
        predict,
        `${modelOf(regressor([1]))}.feature('v')`,
        [{ v: 1e39 }, { v: -1e300 }, { v: 1 }].map(pointOf),
      );
      expect(points.map(({ fields }) => fields)).toEqual([{ v: 1, prediction: 1 }]);
      expect(counters).toEqual({ missing: 2 });
    });

    it.each([
      ['minuteOfDay', 'Europe/Berlin', '2024-03-31T00:59:59Z', 119],
      ['minuteOfDay', 'Europe/Berlin', '2024-03-31T01:00:00Z', 180],
      ['hourOfDay', 'Asia/Kathmandu', '2024-01-01T18:14:00Z', 23],
      ['dayOfWeek', 'America/New_York', '2024-01-01T04:59:00Z', 7],
      ['dayOfWeek', 'UTC', '1969-12-31T00:00:00Z', 3],
      ['isWeekend', 'Australia/Lord_Howe', '2024-03-01T13:30:00Z', 1],
      ['month', 'UTC', '2024-02-29T12:00:00Z', 2],
      ['dayOfYear', 'UTC', '2024-12-31T12:00:00Z', 366],
      ['hourSin', 'UTC', '2024-01-01T06:00:00Z', 1],
      ['hourCos', 'UTC', '2024-01-01T12:00:00Z', -1],
      ['yearSin', 'UTC', '2024-01-01T12:00:00Z', 0],
      ['yearCos', 'UTC', '2024-01-01T12:00:00Z', 1],
    ])('%s in %s at %s is %d', async (feature, zone, time, expected) => {
      const { points } = await outputOf(
        predict,
        `${modelOf(regressor([1]))}.feature('${feature}').zone('${zone}')`,
        `m x=1 ${BigInt(Date.parse(time)) * 1_000_000n}`,
      );
      expect(points.map(({ fields }) => fields.prediction)).toEqual([expected]);
    });
  });

  describe('a point without a feature', () => {
    const points: Fields[] = [{ v: 1 }, { other: 1 }, { v: NaN }, { v: 'text' }, { v: 2 }];
    const run = (policy: string) =>
      outputOf(predict, `${modelOf(regressor([1]))}.feature('v')${policy}`, points.map(pointOf));

    it('is left out and counted', async () => {
      const { points: emitted, counters } = await run('');
      expect(emitted.map(({ fields }) => fields.prediction)).toEqual([1, 2]);
      expect(counters).toEqual({ missing: 3 });
    });

    it('is passed on as it came, in its place, with pass', async () => {
      const { points: emitted } = await run(".onMissing('pass')");
      expect(emitted.map(({ fields }) => fields.prediction)).toEqual([1, undefined, undefined, undefined, 2]);
    });

    it('fails with error', async () => {
      await expect(run(".onMissing('error')")).rejects.toThrow(
        'the point at 1 (group "host=a") has no finite number in the feature "v"',
      );
    });

    it('is scored with NaN with nan; a result that is NaN is none', async () => {
      const { points: emitted, counters } = await run(".onMissing('nan')");
      expect(emitted.map(({ fields }) => fields.prediction)).toEqual([1, undefined, undefined, undefined, 2]);
      expect(counters).toEqual({ missing: 3 });
    });

    it('has no class if nan makes the probabilities of all NaN', async () => {
      const options = `${modelOf(classifier('probabilities'))}.feature('v').class('calm').class('storm').onMissing('nan')`;
      expect(await fieldsOf(options, { v: 1 }, { other: 1 })).toEqual([
        { v: 1, prediction: 'storm' },
        { other: 1 },
      ]);
    });
  });

  it('loses only the points that the model fails on', async () => {
    const options = `${modelOf(lookup())}.feature('v').onError('drop')`;
    const emitted = await fieldsOf(options, { v: 0n }, { v: 7n }, { v: 2n }, { v: 1n }, { v: -9n });
    expect(emitted.map(({ prediction }) => prediction)).toEqual([10, 30, 20]);
  });

  test('a model that cannot be loaded fails its points', async () => {
    const failed = fieldsOf(`${modelOf(unloadable())}.feature('v')`, { v: 1 });
    await expect(failed).rejects.toThrow(/the model '.*m\.onnx' cannot be loaded: .*Divine/);
  });

  test('tasks share a model', () => {
    const file = writeModel(join(tempDir(), 'm.onnx'), regressor([1]));
    expect(openModel(file).open()).toBe(openModel(file).open());
  });
});

describe('a task is refused for', () => {
  it.each<[string, () => Uint8Array, string, string]>([
    [
      'another number of features',
      () => regressor([1, 2, 3]),
      ".feature('a').feature('b')",
      'predict: the model takes 3 features, but .feature() is called 2 times',
    ],
    [
      'features that are no inputs, and inputs without a feature',
      difference,
      ".feature('a').feature('bb')",
      "predict: .feature('bb'): the model has no such input (did you mean 'b'?); the model's input 'b' needs .feature('b')",
    ],
    [
      'a class that the model does not have, and several problems at once',
      classifier,
      ".feature('a').feature('b').probability('hihg','p')",
      "predict: the model takes 1 feature, but .feature() is called 2 times; .probability('hihg'): the model has no such class (did you mean 'high'?)",
    ],
    [
      'probabilities that the model gives as maps',
      () => classifier('maps'),
      ".feature('a').probabilityAs('p')",
      "predict: .probabilityAs(): the model gives probabilities as maps, which JavaScript cannot read; export it without them (skl2onnx: options={'zipmap': False})",
    ],
    [
      'probabilities of a regressor',
      () => regressor([1]),
      ".feature('a').probability('x','p')",
      'predict: .probability() needs a classifier, and the model gives a number; if that is the probabilities of classes, name these by .class()',
    ],
    [
      'probabilities without the names of their classes',
      () => classifier('probabilities'),
      ".feature('a').class('only')",
      'predict: the model has 2 probabilities, but .class() is called 1 time',
    ],
    [
      'several numbers for a point',
      () => classifier('probabilities'),
      ".feature('a')",
      "predict: the model's output 'probabilities' has 2 numbers for a point; if they are the probabilities of classes, name these by .class()",
    ],
    [
      'NaN for text',
      dictionary,
      ".feature('a').onMissing('nan')",
      "predict: .onMissing('nan') needs inputs of numbers, but the model's input 'name' has the type string",
    ],
    [
      'a fixed number of points',
      () => regressor([1], 0, { points: 8 }),
      ".feature('a')",
      'predict: the model takes 8 points at once; export it with an open batch dimension',
    ],
    [
      'an input of another type',
      halfPrecision,
      ".feature('a')",
      "predict: the model's input 'X' has the type float16; predict gives float, double, int64, int32, bool, string; " +
        "predict needs a model with one output of a number, or with a class; this one has 'y' (float16)",
    ],
  ])('%s', async (_what, model, options, message) => {
    expect(await refusal(predict, `${modelOf(model())}${options}`)).toBe(message);
  });

  it('options that contradict each other', async () => {
    expect(
      await refusal(
        predict,
        ".model('x.onnx').feature('a').feature('a').as('y').probabilityAs('y').zone('Europe/Brlin')",
      ),
    ).toBe(
      "predict: .feature('a') is given more than once; .zone(): the time zone 'Europe/Brlin' is unknown " +
        "(did you mean 'Europe/Berlin'?); two options write the field 'y'",
    );
  });

  it('a file that is absent, or no model', async () => {
    const file = join(tempDir(), 'm.onnx');
    expect(await refusal(predict, `.model('${file}').feature('a')`)).toBe(
      `predict: .model(): '${file}' cannot be read (no such file or directory)`,
    );
    writeFileSync(file, 'not a model, but text');
    expect(await refusal(predict, `.model('${file}').feature('a')`)).toMatch(/'.*' is no ONNX model \(.*\)$/);
    writeFileSync(file, '');
    expect(await refusal(predict, `.model('${file}').feature('a')`)).toMatch(
      /is no ONNX model \(it has no graph\)$/,
    );
  });

  it.each(['/dev/zero', '/tmp'])('what is no file, without reading it: %s', async (path) => {
    expect(await refusal(predict, `.model('${path}').feature('a')`)).toBe(
      `predict: .model(): '${path}' cannot be read (it is no regular file)`,
    );
  });

  it('a path that cannot be looked at', async () => {
    const loop = join(tempDir(), 'loop.onnx');
    symlinkSync(loop, loop);
    expect(await refusal(predict, `.model('${loop}').feature('a')`)).toContain(
      `predict: .model(): '${loop}' cannot be read (`,
    );
  });

  it('a bundled model that does not exist', async () => {
    expect(await refusal(predict, ".model('voltgae').feature('a')")).toBe(
      "predict: .model('voltgae'): there is no such bundled model (there is 'voltage'); give the path of a file that ends with .onnx",
    );
  });

  test('a runtime that is not installed', () => {
    expect(runtimeProblem(() => false)).toMatch(
      /^ONNX Runtime is not installed; .* npm install onnxruntime-node@1/,
    );
    expect(runtimeProblem((name) => name === 'onnxruntime-web')).toBeUndefined();
  });

  test('a runtime that is installed, but cannot be loaded', () => {
    const reason = new Error('The module was compiled against\n  another Node.js version');
    expect(loadingProblem([{ name: 'onnxruntime-node', reason }])).toMatch(
      /^onnxruntime-node is installed, but cannot be loaded: The module was compiled against another Node.js version; install it anew .*onnxruntime-web@1/,
    );
  });
});

describe('a model whose file changes', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Scores 1 after each change of the file, until the change shows in output or log. */
  async function changing(...changes: readonly (Uint8Array | ((file: string) => void))[]) {
    vi.useFakeTimers({ toFake: ['performance'] });
    const file = writeModel(join(tempDir(), 'm.onnx'), regressor([1]));
    const run = await runUdf(predict, { options: `.model('${file}').feature('v')` });
    const seen: unknown[] = [];
    const lines = (): string[] =>
      run.log.map(({ message }) => message).filter((line) => line.includes('model'));
    const score = async (): Promise<void> => {
      vi.advanceTimersByTime(1000);
      const { points } = await run.send('m v=1 1');
      seen.push(...points.map(({ fields }) => fields.prediction));
    };
    await score();
    for (const change of changes) {
      const before = lines().length;
      if (typeof change === 'function') change(file);
      else writeModel(file, change);
      await vi.waitFor(async () => {
        await score();
        expect(lines().length).toBeGreaterThan(before);
      });
      await score();
      await score();
    }
    await run.stop();
    return {
      seen: [...new Set(seen)],
      last: seen.at(-1),
      lines: lines().map((line) => line.replace(/'\/.*\/m/, "'m")),
    };
  }

  it('is loaded again', async () => {
    expect(await changing(regressor([5]))).toEqual({
      seen: [1, 5],
      last: 5,
      lines: ["the file of the model 'm.onnx' has changed, and is loaded"],
    });
  });

  it.each<[string, Uint8Array, string]>([
    ['garbage', Buffer.from('garbage'), 'it is no ONNX model (a field has the wire type 7)'],
    [
      'a model with other inputs',
      regressor([1, 2]),
      'its inputs, outputs or classes are others; enable the tasks anew to use it',
    ],
    ['half a model', regressor([5]).subarray(0, 80), 'it is no ONNX model (a field ends behind its message)'],
  ])('stays in use when that is %s, with one line in the log', async (_what, bytes, reason) => {
    expect(await changing(bytes)).toEqual({
      seen: [1],
      last: 1,
      lines: [`the file of the model 'm.onnx' has changed, but the old model stays in use: ${reason}`],
    });
  });

  it.each<[string, (file: string) => void, string]>([
    ['removed', () => undefined, 'no such file or directory'],
    [
      'replaced by a link to itself',
      (file) => {
        symlinkSync(file, file);
      },
      'too many symbolic links encountered',
    ],
    [
      'replaced by a directory',
      (file) => {
        mkdirSync(file);
      },
      'it is no regular file',
    ],
  ])('stays in use when its file is %s', async (_what, replace, reason) => {
    expect(
      await changing((file) => {
        rmSync(file);
        replace(file);
      }),
    ).toEqual({
      seen: [1],
      last: 1,
      lines: [`the file of the model 'm.onnx' has changed, but the old model stays in use: ${reason}`],
    });
  });

  it('stays in use when the new one cannot be loaded, until one can', async () => {
    const { seen, lines } = await changing(unloadable(), regressor([7]));
    expect(seen).toEqual([1, 7]);
    expect(lines).toEqual([
      expect.stringMatching(/the old model stays in use: .*Divine/),
      "the file of the model 'm.onnx' has changed, and is loaded",
    ]);
  });

  test('a task that starts has the new one at once', async () => {
    const file = writeModel(join(tempDir(), 'm.onnx'), regressor([1]));
    const options = `.model('${file}').feature('v')`;
    const first = await runUdf(predict, { options });
    await first.send('m v=1 1');
    writeModel(file, regressor([9]));
    expect((await outputOf(predict, options, 'm v=1 1')).points[0]?.fields.prediction).toBe(9);
    await first.stop();
  });
});
