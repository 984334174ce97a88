// Loaded into a host before all else: ends the worker that serves at each message "kill" of its parent process, and tells it.
import { syncBuiltinESMExports } from 'node:module';
import workerThreads from 'node:worker_threads';

/** In the order of their start: the first one serves, a later one is in reserve. */
const running = new Set();

workerThreads.Worker = class extends workerThreads.Worker {
  createdAt = performance.now();
  isKilled = false;

  constructor(...args) {
    super(...args);
    running.add(this);
    this.once('exit', () => running.delete(this));
  }
};
syncBuiltinESMExports();

process.on('message', kill);
process.channel?.unref();

let count = 0;

/** Whether it has had the time to load its modules. */
function hasStarted({ createdAt }) {
  return performance.now() - createdAt > 500;
}

/** A task is given up whose workers end five times while they start: only each tenth is killed then. */
function kill() {
  const [serving] = running;
  if (serving === undefined || serving.isKilled || (!hasStarted(serving) && count % 10 !== 0)) {
    setTimeout(kill, 5);
    return;
  }
  count++;
  serving.isKilled = true;
  void serving.terminate();
  process.send('killed');
}
