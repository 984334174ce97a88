import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Context, defineUdf, type Point, UdfError } from 'kapacitor-udf';
import { Batcher } from './batcher.js';
import { FeatureReader } from './columns.js';
import { type Options, options, problemsOf } from './options.js';
import { planOf } from './plan.js';
import { createToFields } from './results.js';
import { runtimeProblem } from './runtime.js';
import { openModel, type SharedModel } from './shared-model.js';

interface Prepared {
  readonly model: SharedModel;
  readonly batcher: Batcher;
}

type PredictContext = Context<Options, Prepared, undefined, Point>;

export default defineUdf({
  name: 'predict',
  doc: 'Scores a trained model (ONNX) on each point: classes with probabilities, or numbers.',
  wants: 'stream',
  provides: 'stream',
  options,
  check: problemsOf,
  prepare,
  // Two batches: one is scored while the other is filled.
  concurrency: 1024,
  ordered: 'all',
  overlap: 'all',
  point(point, context) {
    const { model, batcher } = context.prepared;
    model.log = context.log;
    const added = batcher.add(point);
    if (typeof added === 'string') return missing(added, point, context);
    return added.then((fields) =>
      fields ? point.withFields(fields) : missing('finite prediction', point, context),
    );
  },
});

/** Throws `invalid_options` with every problem between the options and the model. */
function prepare(given: Options): Prepared {
  const { description, open } = openModel(fileOf(given.model));
  const plan = planOf(description, given);
  const problems = plan instanceof Array ? [...plan] : [];
  const problem = runtimeProblem();
  if (problem !== undefined) problems.push(problem);
  if (plan instanceof Array || problems.length > 0) {
    throw new UdfError('invalid_options', `predict: ${problems.join('; ')}`);
  }
  const reader = new FeatureReader(given.zone, given.onMissing === 'nan');
  const model = open();
  return { model, batcher: new Batcher(model, plan, reader, createToFields(plan, given)) };
}

/** The path of a model's file. Throws `invalid_options` for an unknown bundled model. */
function fileOf(model: string): string {
  if (model.endsWith('.onnx') || /[/\\]/.test(model)) return resolve(model);
  const directory = new URL('./models/', import.meta.url);
  const file = fileURLToPath(new URL(`${encodeURIComponent(model)}.onnx`, directory));
  if (existsSync(file)) return file;
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => `'${name.slice(0, -'.onnx'.length)}'`);
  throw new UdfError(
    'invalid_options',
    `predict: .model('${model}'): there is no such bundled model (there is ${names.join(', ')}); give the path of a file that ends with .onnx`,
  );
}

/** Applies `onMissing`. */
function missing(
  what: string,
  point: Point,
  { options: { onMissing }, count }: PredictContext,
): Point | undefined {
  if (onMissing === 'error') {
    throw new UdfError('handler', `the point at ${point.time} (group "${point.group}") has no ${what}`);
  }
  count('missing');
  return onMissing === 'pass' || onMissing === 'nan' ? point : undefined;
}
