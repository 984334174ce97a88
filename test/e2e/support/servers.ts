import { execFileSync } from 'node:child_process';
import { findExecutable } from '../../support/find-executable.js';
import { hasImage } from './docker.js';

/**
 * The servers that these tests run, by the environment variable that may name each one's binary. Where there is none,
 * they run in containers, of the images that compose.yaml uses.
 */
const servers = {
  KAPACITORD: { binary: 'kapacitord', imageVariable: 'KAPACITOR_IMAGE', image: 'kapacitor:1.8' },
  INFLUXD: { binary: 'influxd', imageVariable: 'INFLUXDB_IMAGE', image: 'influxdb:1.8' },
} as const;

export type ServerVariable = keyof typeof servers;

/** A way to run a server. */
export type Server =
  { readonly kind: 'binary'; readonly path: string } | { readonly kind: 'image'; readonly image: string };

/**
 * A server's binary: what its variable names, else the first one on the PATH; else its image, if the Docker engine has
 * it; `undefined` if there is neither. `TEST_SERVERS` (`binaries` or `containers`) allows only one of the two.
 */
export function findServer(variable: ServerVariable): Server | undefined {
  const allowed = backEnd();
  const path = allowed === 'containers' ? undefined : findExecutable(variable, binaryName(variable));
  if (path !== undefined) return { kind: 'binary', path };
  if (allowed === 'binaries') return undefined;
  const image = imageOf(variable);
  return hasImage(image) ? { kind: 'image', image } : undefined;
}

/** A server that is known to be there. */
export function serverFor(variable: ServerVariable): Server {
  const server = findServer(variable);
  if (server === undefined) throw new Error(howToGive([variable]));
  return server;
}

/** What its binary is called: in an image, too. */
export const binaryName = (variable: ServerVariable): string => servers[variable].binary;

/**
 * Whether a suite's servers are missing, and its title, which then says so. `onlyInflux1`: what the suite needs that InfluxDB
 * 2.x does not have.
 */
export function needs(
  suite: string,
  needed: readonly ServerVariable[],
  onlyInflux1?: string,
): { readonly missing: boolean; readonly title: string } {
  const missing = missingServers(needed);
  if (missing.length > 0) return { missing: true, title: `${suite} (skipped: ${howToGive(missing)})` };
  if (onlyInflux1 !== undefined && influxVersion() === 2) {
    return { missing: true, title: `${suite} (skipped: InfluxDB 2.x has no ${onlyInflux1})` };
  }
  return { missing: false, title: suite };
}

let knownVersion: 1 | 2 | undefined;

/** The version of InfluxDB that the tests run; of an image, the one in its tag. */
export function influxVersion(): 1 | 2 {
  knownVersion ??= versionOf(serverFor('INFLUXD'));
  return knownVersion;
}

function versionOf(server: Server): 1 | 2 {
  const text =
    server.kind === 'binary'
      ? execFileSync(server.path, ['version'], { encoding: 'utf8' })
      : (server.image.split(':').at(-1) ?? '');
  return /^(?:InfluxDB )?v?2/.test(text) ? 2 : 1;
}

export function missingServers(needed: readonly ServerVariable[]): ServerVariable[] {
  return needed.filter((variable) => findServer(variable) === undefined);
}

/** What is missing, and what to do about it, in one line. */
export function howToGive(missing: readonly ServerVariable[]): string {
  const each = (of: (variable: ServerVariable) => string, between: string): string =>
    missing.map(of).join(between);
  const names = each(binaryName, ' and ');
  const settings = each((variable) => `${variable}=/path/to/${binaryName(variable)}`, ' ');
  const images = each(imageOf, ' and ');
  const imageVariables = each((variable) => servers[variable].imageVariable, ', ');
  return (
    `no ${names} on the PATH, and no image ${images} in a Docker engine; to run the tests against real servers, ` +
    `set ${settings}, or pull the images (others: ${imageVariables})`
  );
}

function imageOf(variable: ServerVariable): string {
  const { image, imageVariable } = servers[variable];
  const named = process.env[imageVariable];
  return named === undefined || named === '' ? image : named;
}

function backEnd(): string | undefined {
  const given = process.env.TEST_SERVERS;
  if (!given) return undefined;
  if (given === 'binaries' || given === 'containers') return given;
  throw new Error(`TEST_SERVERS is "${given}"; it can be binaries or containers`);
}
