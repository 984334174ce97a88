import { existsSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { messageOf, UdfError } from '../model/errors.js';
import type { CaseOptions } from './case-options.js';
import { type CaseHead, type InvalidCase, readCases, type TestCase } from './cases.js';
import { type CaseScript, findScript } from './find-script.js';
import type { CaseResult } from './report.js';
import { runCase } from './run-case.js';

export interface RunTestsOptions extends CaseOptions {
  /** Only cases with this text in their names. */
  readonly filter?: string | undefined;
  /** The directory with the scripts; by default `tasks` beside the directory of the file, or that itself. */
  readonly scriptDirectory?: string | undefined;
  /** Max number of cases that run at a time. */
  readonly jobs: number;
  /** Called with each result as soon as there is one. */
  readonly onResult?: (result: CaseResult) => Promise<void> | void;
}

/**
 * Runs the cases of files, which may be given as globs, on a Kapacitor. Returns their results in the order of the files;
 * after `signal` is aborted, no further case begins and those that run are cleaned up.
 *
 * A case that cannot be run has a result with an error. Rejects with `invalid_config` if a file cannot be read or there is
 * no case, and with `connection` if Kapacitor does not answer.
 */
export async function runTests(patterns: readonly string[], options: RunTestsOptions): Promise<CaseResult[]> {
  const { api, filter = '', jobs, onResult, signal } = options;
  const all: (TestCase | InvalidCase)[] = [];
  for (const file of expandFiles(patterns)) all.push(...(await readCases(file)));
  const cases = all.filter(({ name }) => name.includes(filter));
  if (cases.length === 0) {
    const hint = all.length === 0 ? '' : `: none of ${all.length} has "${filter}" in its name`;
    throw new UdfError('invalid_config', `there is no case to run${hint}`);
  }
  const prepared = cases.map((test) => prepare(test, options.scriptDirectory));
  if (prepared.some(({ script }) => script !== undefined)) await api.ping();
  const results: CaseResult[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < cases.length && !signal.aborted) {
      const index = next++;
      const result = await resultOf(prepared[index]!, options);
      results[index] = result;
      await onResult?.(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cases.length) }, worker));
  return results.filter(Boolean); // an aborted run has holes
}

/** Files by name, or by globs in names that are no files. Throws `invalid_config` if nothing matches. */
export function expandFiles(patterns: readonly string[]): string[] {
  const files = patterns.flatMap((pattern) => {
    if (existsSync(pattern)) {
      if (!statSync(pattern).isDirectory()) return [pattern];
      throw new UdfError('invalid_config', `${pattern} is a directory; name its files: ${pattern}/*.yaml`);
    }
    if (!isDynamicPattern(pattern)) throw new UdfError('invalid_config', `there is no file ${pattern}`);
    const found = globSync(pattern, { expandDirectories: false, absolute: isAbsolute(pattern) }).sort();
    if (found.length === 0) throw new UdfError('invalid_config', `no file matches ${pattern}`);
    return found;
  });
  return [...new Map(files.map((file) => [resolve(file), file])).values()];
}

type PreparedCase =
  | { readonly test: TestCase; readonly script: CaseScript; readonly error?: undefined }
  | { readonly test: CaseHead; readonly script?: undefined; readonly error: string };

/** Finds the case's script. */
function prepare(test: TestCase | InvalidCase, directory: string | undefined): PreparedCase {
  if ('error' in test) return { test, error: test.error.message };
  try {
    return { test, script: findScript(test, directory) };
  } catch (reason) {
    if (reason instanceof UdfError) return { test, error: reason.message };
    throw reason;
  }
}

async function resultOf(prepared: PreparedCase, options: RunTestsOptions): Promise<CaseResult> {
  const start = performance.now();
  const result = (problems: readonly string[], error?: string): CaseResult => {
    return { test: prepared.test, problems, error, ms: performance.now() - start };
  };
  if (!prepared.script) return result([], prepared.error);
  try {
    return result(await runCase(prepared.test, prepared.script, options));
  } catch (reason) {
    if (options.signal.aborted) return result([], messageOf(options.signal.reason));
    return result([], reason instanceof UdfError ? reason.message : `defect: ${messageOf(reason)}`);
  }
}
