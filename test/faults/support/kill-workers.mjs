// Loaded into a host before all else: ends one of its worker threads at each message "kill" of its parent process.
import { syncBuiltinESMExports } from 'node:module';
import workerThreads from 'node:worker_threads';

const running = new Set();

workerThreads.Worker = class extends workerThreads.Worker {
  constructor(...args) {
    super(...args);
    running.add(this);
    this.once('exit', () => running.delete(this));
  }
};
syncBuiltinESMExports();

process.on('message', (message) => {
  if (message === 'kill') void [...running].at(-1)?.terminate();
});
process.channel?.unref();
