import { spawnSync } from 'node:child_process';

/** Whether the Docker engine is there and has the image already: a test downloads none by itself. */
export const hasImage = (image: string): boolean => succeeds('image', 'inspect', image);

/** Whether there is an engine, and the plug-in that reads compose files. */
export const hasCompose = (): boolean => succeeds('version') && succeeds('compose', 'version');

function succeeds(...args: readonly string[]): boolean {
  return spawnSync('docker', args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}
