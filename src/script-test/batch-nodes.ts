import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import type { TaskSettings } from '../kapacitor/types.js';
import type { IsolatedScript, ObservedNode } from './isolated-script.js';

/** The observed nodes that emit batches: those that Kapacitor refuses to put a `window` behind. */
export async function findBatchNodes(
  api: KapacitorApi,
  id: string,
  isolated: IsolatedScript,
  settings: TaskSettings,
): Promise<ReadonlySet<ObservedNode>> {
  const script = isolated.text({ batches: new Set(), output: 'http' });
  const batches = new Set<ObservedNode>();
  for (const node of new Set([...isolated.watched.values(), ...isolated.alerts])) {
    try {
      await api.createTask(id, {
        ...settings,
        script: `${script}${node.endpoint}|window().periodCount(1).everyCount(1)\n`,
      });
      await api.deleteTask(id);
    } catch (reason) {
      if (!(reason instanceof KapacitorRefusal) || !/batch edge/i.test(reason.reason)) throw reason;
      batches.add(node);
    }
  }
  return batches;
}
