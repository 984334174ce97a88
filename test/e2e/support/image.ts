import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from './cli.js';
import { docker, hasImage } from './docker.js';

/** The image to test, if it is not to be built: `KAPACITOR_UDF_IMAGE`, as for compose.yaml. */
const given = process.env.KAPACITOR_UDF_IMAGE;

/** The images that it is built on and with, as the Dockerfile has it: `NODE_IMAGE`, `BUILD_IMAGE`. */
function baseImages(): readonly string[] {
  const dockerfile = readFileSync(join(packageFolder, 'docker/Dockerfile'), 'utf8');
  const standard = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile)?.[1] ?? '';
  const node = process.env.NODE_IMAGE ?? standard;
  return [...new Set([node, process.env.BUILD_IMAGE ?? node])];
}

/** The images that are needed to have the host's image, and that the engine does not have. */
export function missingForImage(): readonly string[] {
  return (given === undefined ? baseImages() : [given]).filter((image) => !hasImage(image));
}

/** The name of the host's image, built from the Dockerfile unless one is given. */
export async function hostImage(): Promise<string> {
  if (given !== undefined) return given;
  const tag = 'kapacitor-udf:test';
  const args = ['NODE_IMAGE', 'BUILD_IMAGE'].flatMap((name) => ['--build-arg', name]); // from the environment
  await docker(
    'build',
    '--file',
    join(packageFolder, 'docker/Dockerfile'),
    '--tag',
    tag,
    ...args,
    packageFolder,
  );
  return tag;
}

/** What to do about images that are missing, in one line. */
export function howToPull(missing: readonly string[], variables: string): string {
  return `a Docker engine with ${missing.join(' and ')} is needed: docker pull, or name others in ${variables}`;
}
