import {
  type Emitted,
  type Input,
  type InputOptions,
  ProtocolFailure,
  type RunOptions,
  runUdf,
} from 'kapacitor-udf/testkit';
import type { UdfDefinition } from '../../src/udf/definition.js';
import type { OptionSpecs } from '../../src/udf/option.js';

type Options<Specs extends OptionSpecs> = RunOptions<NoInfer<Specs>>['options'];

/** The result of a run. */
export interface Output extends Emitted {
  /** The UDF's own counters. */
  readonly counters: Readonly<Record<string, number>>;
}

/** The output of a UDF for an input, its `stop` included. */
export async function outputOf<Specs extends OptionSpecs>(
  definition: UdfDefinition<Specs>,
  options: Options<Specs>,
  input: Input,
  settings: InputOptions = {},
): Promise<Output> {
  const run = await runUdf<Specs>(definition, { ...settings, options });
  await run.send(input);
  return { ...(await run.stop()), counters: run.stats.counters };
}

/** The output of a UDF that is stopped after `before` and restored from its snapshot, with `optionsAfter`. */
export async function outputOverRestart<Specs extends OptionSpecs>(
  definition: UdfDefinition<Specs>,
  options: Options<Specs>,
  before: Input,
  after: Input,
  optionsAfter = options,
): Promise<Emitted> {
  const first = await runUdf<Specs>(definition, { options });
  await first.send(before);
  const snapshot = await first.snapshot();
  await first.stop();
  const second = await runUdf<Specs>(definition, { options: optionsAfter, snapshot });
  await second.send(after);
  await second.stop();
  return {
    points: [...first.points, ...second.points],
    batches: [...first.batches, ...second.batches],
  };
}

/** The message with which a UDF refuses these options, given as TICKscript. */
export async function refusal(definition: UdfDefinition, options: string): Promise<string> {
  try {
    const run = await runUdf(definition, { options });
    await run.stop();
  } catch (reason) {
    if (reason instanceof ProtocolFailure && reason.rule === 'init-refused') return reason.detail;
    throw reason;
  }
  throw new Error(`the options were accepted: ${options}`);
}
