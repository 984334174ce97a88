// Bundled UDFs whose handler has the fault that `inject-faults.mjs` is told to inject, before it does anything.
import { edgeDetect, movingAverage } from 'kapacitor-udf/udfs';
import { takeFault } from './inject-faults.mjs';

const kept = [];

const act = {
  loop: () => {
    for (;;);
  },
  heap: () => {
    for (;;) kept.push({ text: `text ${kept.length}` });
  },
  /** V8's limits do not include buffers: the worker checks them at an interval. */
  buffers: () => {
    for (let count = 0; count < 20; count++) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
    return new Promise(() => undefined);
  },
  exit: () => process.exit(3),
  timer: () => {
    setTimeout(() => {
      throw new Error('thrown in a timer');
    });
    return new Promise(() => undefined);
  },
  hang: () => new Promise(() => undefined),
};

function withFaults(definition, name) {
  const { point } = definition.handlers;
  return {
    ...definition,
    name,
    handlers: {
      ...definition.handlers,
      point: (given, context) => {
        const fault = takeFault();
        return fault === undefined ? point(given, context) : act[fault]();
      },
    },
  };
}

export const injectedEdgeDetect = withFaults(edgeDetect, 'injectedEdgeDetect');
export const injectedMovingAverage = withFaults(movingAverage, 'injectedMovingAverage');
