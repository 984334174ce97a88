// Does what each point's field `fault` says, outside of what a handler's caller can catch or wait for.
import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { defineUdf } from 'kapacitor-udf';

function loop() {
  for (;;);
}

function blockFor(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

let loopsInStop = false;

const faults = {
  'loop in stop': () => {
    loopsInStop = true;
  },
  loop,
  regex: () => /^(a+)+$/.test(`${'a'.repeat(60)}!`),
  block: () => {
    blockFor(1_600);
  },
  'loop in a timer': () => {
    setTimeout(loop);
  },
  'loop after await': async () => {
    await null;
    loop();
  },
  'system call': () => {
    execFileSync('sleep', ['60']);
  },
  'exit 0': () => process.exit(0),
  'exit 3': () => process.exit(3),
  'exit in a timer': () => {
    setTimeout(() => process.exit(0));
  },
  abort: () => process.abort(),
  SIGKILL: () => process.kill(process.pid, 'SIGKILL'),
  'error event': () => {
    setTimeout(() => new EventEmitter().emit('error', new Error('boom')));
  },
  microtask: () => {
    queueMicrotask(() => {
      throw new Error('boom');
    });
  },
};

export default defineUdf({
  name: 'faulty',
  wants: 'stream',
  provides: 'stream',
  point(point, { log }) {
    log.info(`fault: ${point.fields.fault}`);
    const done = faults[point.fields.fault]?.();
    return done instanceof Promise ? done.then(() => point) : point;
  },
  stop() {
    if (loopsInStop) loop();
  },
});
