import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import { UdfError } from '../model/errors.js';
import type { RecordingFormat } from '../recording/format.js';

/** The options of a feed that say what it reads. */
interface SourceOptions {
  readonly sources?: readonly string[];
  readonly generator?: object | undefined;
  readonly format?: RecordingFormat | undefined;
  readonly follow?: boolean | undefined;
  readonly shiftToNow?: boolean | undefined;
}

/**
 * Validates the options for sources and resolves them to files: each glob to its matches, and a directory of Green Button feeds
 * to the feeds in it, by name. Rejects with `usage` for contradicting options, and `invalid_config` for a glob or directory
 * without matches.
 */
export async function resolveFiles(options: SourceOptions): Promise<string[]> {
  const { sources = [], generator, follow, shiftToNow } = options;
  if (sources.length > 0 === (generator !== undefined)) {
    throw new UdfError('usage', 'name either sources or --demo');
  }
  if (sources.some((source) => /^(?:kairosdb\+)?https?:\/\//i.test(source))) {
    throw new UdfError('usage', 'a source must be a file, got a URL; name the server with --url');
  }
  if (follow && (sources.length !== 1 || sources[0] === '-')) {
    throw new UdfError('usage', '--follow takes one file');
  }
  if (shiftToNow && (follow || sources.includes('-'))) {
    throw new UdfError(
      'usage',
      '--shift-to-now reads files twice, first for the newest time: it takes no standard input and no --follow',
    );
  }
  const files = await expandSources(sources, options);
  if (follow && files.length !== 1) {
    throw new UdfError('usage', `--follow takes one file, and ${sources[0]} means ${files.length}`);
  }
  return files;
}

async function expandSources(sources: readonly string[], { format }: SourceOptions): Promise<string[]> {
  const files: string[] = [];
  for (const source of sources) {
    if (format === 'greenbutton' && (await stat(source).catch(() => undefined))?.isDirectory()) {
      files.push(...(await feedsIn(source)));
    } else if (!/[*?[{]/.test(source)) files.push(source);
    else {
      const found = await glob(source, { expandDirectories: false });
      if (found.length === 0) throw new UdfError('invalid_config', `no file matches ${source}`);
      files.push(...found.sort());
    }
  }
  return files;
}

async function feedsIn(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => /\.xml(?:\.gz)?$/i.test(name)).sort();
  if (names.length === 0) throw new UdfError('invalid_config', `no .xml or .xml.gz is in ${directory}`);
  return names.map((name) => join(directory, name));
}

/** The total size of the files; `undefined` if unknown or endless. */
export async function totalBytes(
  files: readonly string[],
  { follow }: SourceOptions,
): Promise<number | undefined> {
  if (follow || files.length === 0 || files.includes('-')) return undefined;
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0, // opening the file reports the error
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
