import { causeOfDeath } from '../kapacitor/cause-of-death.js';
import type { TaskStatus } from '../kapacitor/task-status.js';
import { readTickscript } from '../kapacitor/tickscript.js';
import type { Task } from '../kapacitor/types.js';
import { nearestName } from '../model/text.js';
import type { ExpectedSocket, Facts } from './facts.js';
import { type Finding, finder } from './finding.js';

const finding = finder('tasks');

/** Checks the tasks that use UDFs: those that have failed or lost their connection, and those that would fail next time. */
export function checkTasks({ server, sockets, settings, settingsFile }: Facts): Finding[] {
  if (!server) return [];
  const known = settings && new Set(settings.udfs.map(({ name }) => name));
  return server.statuses
    .filter(({ udfs, state }) => udfs.length > 0 && state !== 'disabled')
    .flatMap((status) => [
      ...stateOf(status),
      ...(known ? unknownUdfs(status, known, settingsFile!) : []), // the settings come from that file
      ...unknownOptions(
        server.tasks.find(({ id }) => id === status.id)!,
        sockets,
      ),
    ]);
}

function stateOf({ id, state, error = '', udfs }: TaskStatus): Finding[] {
  const where = `task ${id}`;
  if (state === 'lost') {
    return [
      finding(
        'error',
        where,
        'Kapacitor shows it as running, but its connection to the host of its UDFs is gone: it ends at its next point',
        `kapacitor-udf tasks restart ${id}; serve --kapacitor URL does so by itself`,
      ),
    ];
  }
  if (state !== 'failed') return [];
  const { kind, reason } = causeOfDeath(error, udfs);
  return [
    finding(
      'error',
      where,
      kind === 'connection' ? `it lost its UDF: ${reason}` : `it has stopped: ${reason}`,
      kind === 'connection'
        ? `start the host, then kapacitor-udf tasks restart ${id}; serve --kapacitor URL does so by itself`
        : `mend what the error names, then kapacitor-udf tasks restart ${id}`,
    ),
  ];
}

function unknownUdfs({ id, udfs }: TaskStatus, known: ReadonlySet<string>, file: string): Finding[] {
  return udfs
    .filter((name) => !known.has(name))
    .map((name) =>
      finding(
        'warning',
        `task ${id}`,
        `it uses @${name}, which has no section in ${file}: it fails when Kapacitor starts next`,
        `add what kapacitor-udf config ${name} prints, or remove @${name} from the task`,
      ),
    );
}

/** Options in its script that the UDF no longer has; Kapacitor may know them still. */
function unknownOptions({ id, script }: Task, sockets: readonly ExpectedSocket[]): Finding[] {
  return readTickscript(script).nodes.flatMap(({ name, udf, properties }) => {
    const answer = udf ? sockets.find((socket) => socket.name === name)?.answer : undefined;
    if (!answer?.ok) return [];
    const names = Object.keys(answer.options);
    return properties
      .filter((property) => !names.includes(property.name) && !nodeProperties.has(property.name))
      .map((property) => {
        const near = nearestName(property.name, names);
        return finding(
          'warning',
          `task ${id}`,
          `it calls .${property.name}() of @${name}, which the UDF no longer has: it fails when it is enabled next`,
          `remove the call${near === undefined ? '' : ` (or did you mean .${near}()?)`} and define the task again`,
        );
      });
  });
}

/** What Kapacitor itself offers on every node. */
const nodeProperties: ReadonlySet<string> = new Set(['quiet']);
