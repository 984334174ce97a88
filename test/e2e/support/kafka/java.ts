import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findExecutable } from '../../../support/find-executable.js';

/** The directory of a Kafka, with its jars in `libs`. */
const home = process.env.KAFKA_HOME;

/** The Java that runs it; tests skip without. */
export const java = findExecutable('JAVA', 'java')!;

/** Why there is no Kafka to test with; `undefined` if there is. */
export const kafkaMissing =
  home === undefined
    ? 'KAFKA_HOME is not set to the directory of a Kafka'
    : !existsSync(join(home, 'libs'))
      ? `there is no ${join(home, 'libs')}`
      : (java as string | undefined) === undefined
        ? 'there is no java on the PATH'
        : undefined;

/** A title that says what is missing. */
export function kafkaTitle(title: string): string {
  return kafkaMissing === undefined ? title : `${title} (skipped: ${kafkaMissing})`;
}

/** The arguments of a Java machine that runs Kafka's classes. */
export function jvm(heap: string): readonly string[] {
  const libs = join(home!, 'libs'); // tests skip without
  const jars = readdirSync(libs).map((jar) => join(libs, jar));
  // The first compiler alone: a server that lives for seconds does not earn the second one's work.
  return [`-Xmx${heap}`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', jars.join(':')];
}

const toolHeap = '256m';

/** Runs one of Kafka's classes to its end, and returns what it prints. */
export function runJava(main: string, args: readonly string[]): string {
  return execFileSync(java, [...jvm(toolHeap), main, ...args], {
    encoding: 'utf8',
    maxBuffer: 1024 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** As `runJava`, beside others. */
export async function startJava(main: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(java, [...jvm(toolHeap), main, ...args]);
}
