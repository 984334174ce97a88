import { UdfError } from '../../../model/errors.js';
import type { UdfWorker } from '../worker/udf-worker.js';
import type { WorkQueue } from './work-queue.js';
import type { WorkerState } from './worker-state.js';
import type { WorkerSuccession } from './worker-succession.js';

/**
 * Replaces a connection's worker by one with the modules' present code and the same state. `atBoundary` calls back with the next
 * position between two batches where a step can be added.
 *
 * Rejects with `invalid_module`, `handler` or `snapshot_migration` if the worker cannot be replaced: the old one continues.
 */
export async function reloadWorker(
  workers: WorkerSuccession,
  queue: WorkQueue,
  state: WorkerState,
  atBoundary: (call: (position: number) => void) => void,
): Promise<void> {
  const next = await workers.prepare();
  const handOver = async (worker: UdfWorker): Promise<void> => {
    state.attach(worker, true);
    await state.snapshot();
    state.detach();
    await workers.handOver(next);
    queue.replaceWorker(next);
  };
  try {
    await new Promise<void>((resolve, reject) => {
      void next.exited.then(({ text }) => {
        reject(new UdfError('invalid_module', `the new worker ${text}`));
      });
      const step = {
        kind: 'reload',
        run: (worker: UdfWorker) => handOver(worker).then(resolve, reject),
        abandon: () => {
          next.terminate(); // the old worker has ended: its successor has the same code
          resolve();
        },
      } as const;
      atBoundary((position) => {
        queue.add(step, position);
      });
    });
  } catch (reason) {
    next.terminate();
    throw reason;
  }
}
