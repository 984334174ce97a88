import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { bundledUdfs } from '../../udfs/index.js';
import { messageOf, UdfError } from '../model/errors.js';
import { isTickscriptName } from '../udf/definition-problems.js';
import { batchUdf } from './batch-udf.js';
import { projectFiles } from './project-files.js';
import { streamUdf } from './stream-udf.js';

export interface ProjectOptions {
  /** How TICKscripts call the UDF. */
  readonly name: string;
  /** A UDF of batches instead of one of a stream. */
  readonly batch?: boolean | undefined;
  /** Where the project is made; if not given, a directory named like the UDF, in kebab case. */
  readonly directory?: string | undefined;
  /** What package.json names as kapacitor-udf; if not given, this version, or this directory if it is no installed package. */
  readonly dependency?: string | undefined;
}

/** A project that was made. */
export interface Project {
  /** As it was given, or chosen. */
  readonly directory: string;
  /** Paths from the directory, sorted. */
  readonly files: readonly string[];
}

/**
 * Makes a project for a new UDF, with its tests. Nothing that exists is overwritten.
 *
 * Rejects with `usage` for a name that no TICKscript can call or that another UDF has, and with `invalid_config` if a file of
 * the project exists already, or cannot be written.
 */
export async function createProject(options: ProjectOptions): Promise<Project> {
  const { name, batch = false, dependency = ownDependency() } = options;
  checkName(name);
  const file = kebabCase(name);
  const { directory = file } = options;
  const files = projectFiles({
    name,
    file,
    dependency,
    udf: batch ? batchUdf(name, file) : streamUdf(name, file),
  });
  const paths = Object.keys(files).sort();
  const existing = paths.filter((path) => existsSync(join(directory, path)));
  if (existing.length > 0) {
    const [verb, them] = existing.length === 1 ? ['exists', 'it'] : ['exist', 'them'];
    throw new UdfError(
      'invalid_config',
      `nothing was written: ${existing.map((path) => join(directory, path)).join(', ')} ${verb} already; remove ${them}, or name another directory with --dir`,
    );
  }
  for (const path of paths) await writeNew(join(directory, path), files[path]!);
  return { directory, files: paths };
}

/** The words of a name in camel case; `myUdf` if a TICKscript cannot call that either. */
function camelCased(name: string): string {
  const [first = '', ...others] = name.split(/[^\p{L}\d_]+/u).filter((word) => word !== '');
  const words = first + others.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return isTickscriptName(words) ? words : 'myUdf';
}

function checkName(name: string): void {
  if (!isTickscriptName(name)) {
    throw new UdfError(
      'usage',
      `"${name}" cannot be the name of a UDF: a TICKscript calls it by a letter, then letters, digits and _, and no keyword; write it like ${camelCased(name)}`,
    );
  }
  if (bundledUdfs.some((udf) => udf.name === name)) {
    throw new UdfError(
      'usage',
      `there is a UDF ${name} already, which comes with kapacitor-udf; choose another name`,
    );
  }
}

/** `rate-limit` for `rateLimit`, `http-rate` for `HTTPRate`. */
function kebabCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .replace(/_+/g, '-')
    .replace(/-$/, '')
    .toLowerCase();
}

/** This version as npm finds it in its registry, or this directory if it is a clone. */
function ownDependency(): string {
  const manifest = createRequire(import.meta.url).resolve('kapacitor-udf/package.json');
  const directory = dirname(manifest);
  if (!directory.includes(`${sep}node_modules${sep}`)) return `file:${resolve(directory)}`;
  const { version } = createRequire(import.meta.url)(manifest) as { readonly version: string };
  return `^${version}`;
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    throw new UdfError('invalid_config', `cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}
