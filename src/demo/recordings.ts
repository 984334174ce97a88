import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { PointInit } from '../model/point.js';
import type { Fields } from '../model/values.js';
import { parseLine } from '../recording/line-protocol.js';

/** Resolves a file of this package by the package's own name, so that it works wherever it is installed. */
export function packageFile(...path: readonly string[]): string {
  const root = dirname(createRequire(import.meta.url).resolve('kapacitor-udf/package.json'));
  return join(root, ...path);
}

export interface RecordedPoint extends PointInit {
  readonly time: bigint;
  readonly fields: Fields;
}

/** Reads a bundled UDF's recording in line protocol, grouped by `host`. */
export function readRecording(udf: string, file: string): RecordedPoint[] {
  return readFileSync(packageFile('udfs', udf, 'recordings', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseRecordedLine(line, 'host'));
}

/** Parses line protocol into a point grouped by a tag. */
export function parseRecordedLine(line: string, tag: string): RecordedPoint {
  const { name, tags, fields, time = 0n } = parseLine(line);
  return { name, tags, fields, time, dimensions: [tag], group: `${tag}=${tags[tag] ?? ''}` };
}
