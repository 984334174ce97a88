import { readFileSync } from 'node:fs';
import { parseLine } from '../recording/line-protocol.js';
import type { PointInit } from '../model/point.js';
import type { Fields } from '../model/values.js';
import { packageFile } from './package-file.js';

export interface RecordedPoint extends PointInit {
  readonly time: bigint;
  readonly fields: Fields;
}

/** The points of a line-protocol recording that came with a UDF, grouped by `host` as a TICKscript would. */
export function readRecording(udf: string, file: string): RecordedPoint[] {
  return readFileSync(packageFile('udfs', udf, 'recordings', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { name, tags, fields, time = 0n } = parseLine(line);
      return { name, tags, fields, time, dimensions: ['host'], group: `host=${tags.host ?? ''}` };
    });
}
