import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceOf } from '../udf/definition-source.js';
import { shownFile, type StackFrame, stackFrames } from '../udf/stack-frames.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { ActiveUse } from '../agent/activity.js';

/** Which UDF something comes from. */
export interface Origin {
  /** Its name, if only one comes into question. */
  readonly udf?: string;
  /** For a log line: `UDF mine (/udfs/mine.js:7)`. */
  readonly text: string;
}

/** The directory of this package's own code, whose frames say nothing about a UDF. */
const ownCode = fileURLToPath(new URL('..', import.meta.url));

/**
 * Which of the hosted UDFs a stack belongs to: the one whose file it names, else the one whose directory holds a file
 * that it names. `use` is what the event loop is handling, if anything.
 */
export function originOf(
  stack: string | undefined,
  definitions: readonly UdfDefinition[],
  use?: ActiveUse,
): Origin {
  const frames = stackFrames(stack ?? '').filter(({ file }) => !file.startsWith(ownCode));
  const found = byFile(frames, definitions) ?? byDirectory(frames, definitions);
  const place = found ? placeOf(found.frame) : undefined;
  if (use) {
    const { udf, task } = use;
    const of = task === undefined ? `UDF ${udf}` : `UDF ${udf} of task ${task}`;
    return { udf, text: place === undefined ? of : `${of} (${place})` };
  }
  if (found && place !== undefined) {
    const [name, ...others] = found.names;
    if (others.length === 0) return { udf: name!, text: `UDF ${name} (${place})` };
    return { text: `one of the UDFs ${found.names.join(', ')} (${place})` };
  }
  const [outer] = frames;
  if (outer && definitions.length === 0) return { text: placeOf(outer) };
  const names = definitions.map(({ name }) => name);
  return { text: `no UDF is in its stack; hosted: ${names.join(', ')}` };
}

function placeOf({ file, line }: StackFrame): string {
  return `${shownFile(file)}:${line}`;
}

interface Found {
  readonly names: readonly string[];
  readonly frame: StackFrame;
}

function byFile(frames: readonly StackFrame[], definitions: readonly UdfDefinition[]): Found | undefined {
  for (const frame of frames) {
    const names = definitions.filter((one) => sourceOf(one) === frame.file).map(({ name }) => name);
    if (names.length > 0) return { names, frame };
  }
  return undefined;
}

/** For code that a UDF imports from a file beside or below its own. */
function byDirectory(
  frames: readonly StackFrame[],
  definitions: readonly UdfDefinition[],
): Found | undefined {
  for (const frame of frames) {
    const above = definitions.flatMap((one) => {
      const source = sourceOf(one);
      const directory = source === undefined ? undefined : dirname(source) + sep;
      return directory !== undefined && frame.file.startsWith(directory) ? [{ one, directory }] : [];
    });
    const nearest = Math.max(0, ...above.map(({ directory }) => directory.length));
    const names = above.filter(({ directory }) => directory.length === nearest).map(({ one }) => one.name);
    if (names.length > 0) return { names, frame };
  }
  return undefined;
}
