import { FileWatcher } from '../files/watch-files.js';
import type { HostCompanion } from './run-host.js';
import type { SocketHost } from './socket-host.js';

/** Reloads a host's isolated UDFs whenever a local file of their modules changes, transitively imported ones included. */
export function watchModules(host: Pick<SocketHost, 'reload' | 'moduleFiles'>): HostCompanion {
  let watcher: FileWatcher | undefined;
  return {
    start() {
      watcher = new FileWatcher(host.moduleFiles, async (changed) => {
        const startedAt = Date.now();
        await host.reload(changed).catch(() => undefined); // it has logged the reason
        watcher?.setFiles(host.moduleFiles, startedAt);
      });
    },
    stop() {
      watcher?.close();
      return Promise.resolve();
    },
  };
}
