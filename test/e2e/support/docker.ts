import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

/** Whether the Docker engine is there and has the image already: a test downloads none by itself. */
export const hasImage = (image: string): boolean => succeeds('image', 'inspect', image);

/** Whether there is an engine, and the plug-in that reads compose files. */
export const hasCompose = (): boolean => succeeds('version') && succeeds('compose', 'version');

/** What a Docker command prints. Rejects with what it says is wrong. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('docker', args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.trimEnd();
}

/** A part of what Docker knows of an image or a container, chosen by a template. Its shape is for the caller to know. */
export async function inspect(name: string, part: string): Promise<unknown> {
  return JSON.parse(await docker('inspect', '--format', `{{json ${part}}}`, name));
}

function succeeds(...args: readonly string[]): boolean {
  return spawnSync('docker', args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}
