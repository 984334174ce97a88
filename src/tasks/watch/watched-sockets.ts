import { resolve } from 'node:path';
import { defaultSocketDir, socketPathIn, udfsWithSocket } from '../../host/socket-directory.js';
import { configuredSockets } from '../../kapacitor/conf.js';

export interface WatchedSocketsOptions {
  /** kapacitor.conf, whose sections name the sockets. */
  readonly config?: string | undefined;
  /** The directory of the sockets, in place of a configuration file. */
  readonly socketDir?: string | undefined;
}

/**
 * The socket paths of UDFs by their names, as a `TaskWatcher` takes them. Without `names`, all of the file or directory: those
 * of a directory are looked up in each call, since its host may start later, and stay known when it stops.
 *
 * Throws as `configuredSockets` does.
 */
export function watchedSockets(
  names: readonly string[],
  { config, socketDir = defaultSocketDir }: WatchedSocketsOptions,
): () => ReadonlyMap<string, string> {
  if (config !== undefined) {
    const { sockets } = configuredSockets(config, names);
    const paths = new Map(sockets.map(({ name, path }) => [name, resolve(path)]));
    return () => paths;
  }
  const pathsOf = (udfs: Iterable<string>): ReadonlyMap<string, string> =>
    new Map(Array.from(udfs, (name) => [name, resolve(socketPathIn(socketDir, name))]));
  if (names.length > 0) {
    const paths = pathsOf(names);
    return () => paths;
  }
  const seen = new Set<string>();
  return () => {
    try {
      for (const name of udfsWithSocket(socketDir)) seen.add(name);
    } catch {
      // The host does not run now.
    }
    return pathsOf(seen);
  };
}
