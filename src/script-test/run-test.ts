import { writeFileSync } from 'node:fs';
import { messageOf, UdfError } from '../model/errors.js';
import { KapacitorApi } from '../kapacitor/api.js';
import { kapacitorTarget } from '../kapacitor/target.js';
import { ExitCode } from '../cli/exit-code.js';
import type { LogOptions } from '../cli/options.js';
import { print } from '../cli/print.js';
import { readCases, type TestCase } from './cases.js';
import { caseText, type CaseResult, junit, passed, summary, tap } from './report.js';
import { runCase } from './run-case.js';
import type { CaseOptions } from './run-case-options.js';
import { type CaseScript, caseScript } from './script.js';

export interface TestOptions extends LogOptions {
  readonly kapacitor?: string;
  readonly influx?: string;
  readonly dir?: string;
  readonly jobs: number;
  readonly settle: bigint;
  readonly within: bigint;
  readonly filter?: string;
  readonly junit?: string;
  readonly tap?: true;
}

/** Runs the cases of these files and prints what came of them; the exit code is 1 unless all passed. */
export async function runTest(files: readonly string[], options: TestOptions): Promise<void> {
  const { filter = '' } = options;
  const cases = files.flatMap(readCases).filter(({ name }) => name.includes(filter));
  if (cases.length === 0) throw new UdfError('invalid_config', 'there is no case to run');
  const scripts = cases.map((test) => caseScript(test, options.dir));
  const api = new KapacitorApi(kapacitorTarget(options.kapacitor, process.env));
  await api.ping();

  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort(new Error('it was interrupted'));
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const results = await runAll(cases, scripts, options.jobs, report(options), {
      api,
      influx: options.influx,
      settleMs: milliseconds(options.settle),
      withinMs: milliseconds(options.within),
      signal: stop.signal,
    });
    if (options.tap) await print(tap(results));
    else await print(summary(results));
    if (options.junit !== undefined) writeReport(options.junit, junit(results));
    if (stop.signal.aborted) throw new ExitCode(130);
    if (!results.every(passed)) throw new ExitCode(1);
  } finally {
    process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal);
  }
}

const milliseconds = (duration: bigint): number => Number(duration / 1_000_000n);

/** Cases are shown as they end, unless a program reads them, which wants them in their order. */
const report =
  ({ tap }: TestOptions) =>
  async (result: CaseResult): Promise<void> => {
    if (!tap) await print(caseText(result));
  };

/** So many cases at a time. After an interruption no case begins, and those that run clean up. */
async function runAll(
  cases: readonly TestCase[],
  scripts: readonly CaseScript[],
  jobs: number,
  ended: (result: CaseResult) => Promise<void>,
  options: CaseOptions,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < cases.length && !options.signal.aborted) {
      const index = next++;
      const result = await runOne(cases[index]!, scripts[index]!, options);
      results[index] = result;
      await ended(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cases.length) }, worker));
  return results.filter(Boolean); // after an interruption some have no result
}

async function runOne(test: TestCase, script: CaseScript, options: CaseOptions): Promise<CaseResult> {
  const start = performance.now();
  const result = (problems: readonly string[], error?: string): CaseResult => ({
    ...{ test, problems, error },
    ms: performance.now() - start,
  });
  try {
    return result(await runCase(test, script, options));
  } catch (reason) {
    const known = reason instanceof UdfError || options.signal.aborted;
    return result(
      [],
      known
        ? messageOf(options.signal.aborted ? options.signal.reason : reason)
        : `defect: ${messageOf(reason)}`,
    );
  }
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new UdfError('invalid_config', `the report cannot be written: ${messageOf(cause)}`, { cause });
  }
}
