import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { PointInit } from '../model/point.js';
import type { Fields } from '../model/values.js';
import { parseLine } from '../recording/line-protocol.js';

/** A file of this package, wherever it is installed: the package resolves its own name. */
export function packageFile(...path: readonly string[]): string {
  const root = dirname(createRequire(import.meta.url).resolve('kapacitor-udf/package.json'));
  return join(root, ...path);
}

export interface RecordedPoint extends PointInit {
  readonly time: bigint;
  readonly fields: Fields;
}

/** The points of a bundled UDF's line-protocol recording, grouped by `host` as a TICKscript would. */
export function readRecording(udf: string, file: string): RecordedPoint[] {
  return readFileSync(packageFile('udfs', udf, 'recordings', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { name, tags, fields, time = 0n } = parseLine(line);
      return { name, tags, fields, time, dimensions: ['host'], group: `host=${tags.host ?? ''}` };
    });
}
