// Loaded into a host before all else. At a message of its parent process, such as { fault: 'kill' }, the worker that serves
// gets that fault; `true` is sent back once it has come. Faults other than "kill" come within a handler of `injected.mjs`.
import { syncBuiltinESMExports } from 'node:module';
import workerThreads, { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

/** By their number in the shared memory that handlers look at. */
export const faults = ['none', 'loop', 'heap', 'buffers', 'exit', 'timer', 'hang'];

const key = 'kapacitor-udf.injected-fault';
if (isMainThread) setEnvironmentData(key, new Int32Array(new SharedArrayBuffer(4)));
const trigger = getEnvironmentData(key);

/** The fault that is due, which is taken by this; `undefined` if there is none. */
export function takeFault() {
  if (Atomics.load(trigger, 0) === 0) return undefined;
  return faults[Atomics.exchange(trigger, 0, 0)];
}

/** In the order of their start: the first one serves, a later one is in reserve. */
const running = new Set();

if (isMainThread) {
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
  process.on('message', ({ fault }) => {
    if (fault === 'kill') kill();
    else inject(fault);
  });
  process.channel?.unref();
}

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
  process.send(true);
}

function inject(fault) {
  Atomics.store(trigger, 0, faults.indexOf(fault));
  reportTaken();
}

function reportTaken() {
  if (Atomics.load(trigger, 0) === 0) process.send(true);
  else setTimeout(reportTaken, 5);
}
