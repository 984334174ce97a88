// Reports each point: a line of the log, a counter, and a dead letter if it is bad.
import { closeSync, openSync } from 'node:fs';
import { defineUdf } from 'kapacitor-udf';

/** Whether this is the first time, over all workers. FAULTS_DIR holds what was. */
function isFirst(name) {
  try {
    closeSync(openSync(`${process.env.FAULTS_DIR}/${name}`, 'wx'));
    return true;
  } catch {
    return false;
  }
}

function act({ time, fields }) {
  if (fields.do === 'exit always' || (fields.do === 'exit' && isFirst(`${time}`))) process.exit(1);
  if (fields.do === 'throw') throw new Error('bad point');
}

export const reporting = defineUdf({
  name: 'reporting',
  wants: 'stream',
  provides: 'stream',
  onError: 'drop',
  state: () => ({ count: 0 }),
  point(point, { state, log, count }) {
    log.info(`point ${point.time}`);
    count('seen');
    act(point);
    return point.withFields({ count: ++state.count });
  },
});

export const reportingBatch = defineUdf({
  name: 'reportingBatch',
  wants: 'batch',
  provides: 'batch',
  onError: 'drop',
  batch(batch, { count }) {
    count('seen', batch.points.length);
    for (const point of batch.points) act(point);
    return batch;
  },
});

export const reportingPoints = defineUdf({
  name: 'reportingPoints',
  wants: 'batch',
  provides: 'batch',
  onError: 'drop',
  point(point) {
    act(point);
    return point;
  },
});
