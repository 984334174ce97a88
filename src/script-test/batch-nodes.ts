import type { KapacitorApi } from '../kapacitor/api.js';
import { KapacitorRefusal } from '../kapacitor/http.js';
import type { TaskSettings } from '../kapacitor/types.js';
import type { IsolatedScript, Observed } from './isolated-script.js';

/** The nodes that carry batches. Kapacitor is asked, by a definition that it takes only for points. */
export async function batchNodes(
  api: KapacitorApi,
  id: string,
  isolated: IsolatedScript,
  settings: TaskSettings,
): Promise<ReadonlySet<Observed>> {
  const observed = new Set([...isolated.watched.values(), ...isolated.alerts]);
  const script = isolated.text(new Set());
  const batches = new Set<Observed>();
  for (const one of observed) {
    try {
      await api.createTask(id, {
        ...settings,
        script: `${script}${one.endpoint}|window().periodCount(1).everyCount(1)\n`,
      });
      await api.deleteTask(id);
    } catch (reason) {
      if (!(reason instanceof KapacitorRefusal) || !/batch edge/i.test(reason.reason)) throw reason;
      batches.add(one);
    }
  }
  return batches;
}
