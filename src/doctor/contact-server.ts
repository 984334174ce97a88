import { basename } from 'node:path';
import { KapacitorApi } from '../kapacitor/api.js';
import { type TaskConnections, taskConnections } from '../kapacitor/connections.js';
import { type DaemonProcess, portOf } from '../kapacitor/daemon-process.js';
import { isTimeout } from '../kapacitor/http.js';
import type { InspectionOptions } from '../kapacitor/inspect-machine.js';
import type { KapacitorTarget } from '../kapacitor/target.js';
import { type TaskStatus, taskStatus } from '../kapacitor/task-status.js';
import type { Task } from '../kapacitor/types.js';
import { UdfError } from '../model/errors.js';
import { type Finding, finder } from './finding.js';

/** A Kapacitor that answers. */
export interface Server {
  readonly api: KapacitorApi;
  readonly version: string;
  readonly tasks: readonly Task[];
  readonly statuses: readonly TaskStatus[];
}

/** What Kapacitor is contacted by, and what may keep it from answering. */
export interface Contact {
  readonly kapacitor: KapacitorTarget;
  /** Max milliseconds of each request. */
  readonly timeoutMs: number;
  readonly settingsFile: string | undefined;
  /** Where Kapacitor listens by that file. */
  readonly httpAddress: string | undefined;
  readonly proc: string;
  /** The UDFs that Kapacitor is to reach, with what they answer. */
  readonly sockets: readonly { readonly name: string; readonly answer: { readonly ok: boolean } }[];
  /** A kapacitord that does not listen on the port yet. */
  readonly starting: DaemonProcess | undefined;
}

const finding = finder('setup');

/** Reads version and tasks of a Kapacitor; returns a finding with what to do if it does not answer. */
export async function contactServer(contact: Contact): Promise<Server | { readonly finding: Finding }> {
  const { kapacitor, timeoutMs, settingsFile: config, proc } = contact;
  const api = new KapacitorApi(kapacitor, timeoutMs);
  try {
    const version = await api.ping();
    const tasks = await api.tasks();
    const connections = connectionsSeen(api.url, { config, proc });
    const { tasks: statuses } = await taskStatus({
      api: { tasks: () => Promise.resolve(tasks) },
      connections,
    });
    return { api, version, tasks, statuses };
  } catch (reason) {
    if (!(reason instanceof UdfError)) throw reason;
    return { finding: silenceOf(api.url, reason, contact) };
  }
}

/** Why Kapacitor does not answer, as far as the machine shows it. */
function silenceOf(url: string, reason: UdfError, contact: Contact): Finding {
  const { starting, sockets, settingsFile, httpAddress } = contact;
  const silent = sockets.filter(({ answer }) => !answer.ok).map(({ name }) => `@${name}`);
  const udfs = silent.join(', ');
  const host = `start the host of ${udfs}${settingsFile === undefined ? '' : `: kapacitor-udf serve --config ${settingsFile}`}`;
  const port = httpAddress === undefined ? undefined : /:(\d+)$/.exec(httpAddress)?.[1];
  const listensElsewhere = port !== undefined && Number(port) !== portOf(url);
  if (starting && !listensElsewhere) {
    const where = `process ${basename(starting.directory)}`;
    const what = `kapacitord runs, but does not listen at ${url} yet: at its start it waits up to five minutes for the socket of each UDF`;
    return silent.length > 0
      ? finding(
          'error',
          where,
          `${what}; ${udfs} cannot be reached`,
          `${host}; Kapacitor then continues by itself`,
        )
      : finding(
          'error',
          where,
          `${what}, and all answer`,
          'run doctor again in a minute; then look into the log of Kapacitor, or give its URL with --kapacitor',
        );
  }
  if (isTimeout(reason.cause)) {
    return silent.length > 0
      ? finding(
          'error',
          url,
          `${reason.message}; it may be waiting for ${udfs}, which cannot be reached`,
          `${host}; if Kapacitor does not answer then, restart it`,
        )
      : finding(
          'error',
          url,
          reason.message,
          'look into the log of Kapacitor, and restart it if it hangs; --timeout allows a slow one more time',
        );
  }
  if (listensElsewhere) {
    return finding(
      'error',
      url,
      `${reason.message}; by ${settingsFile} it listens at ${httpAddress}`,
      `give its URL: --kapacitor ${withPort(url, port)}`,
    );
  }
  return finding(
    'error',
    url,
    reason.message,
    'start Kapacitor, or give its URL with --kapacitor; --no-kapacitor leaves out what needs it',
  );
}

function withPort(url: string, port: string): string {
  const other = new URL(url);
  other.port = port;
  return other.href.replace(/\/$/, '');
}

/** The connections of tasks, which are unknown if the configuration names no sockets: other checks report that. */
function connectionsSeen(url: string, options: InspectionOptions): TaskConnections {
  const seen = taskConnections(url, options);
  return (tasks) => {
    try {
      return seen(tasks);
    } catch (reason) {
      if (!(reason instanceof UdfError)) throw reason;
      return () => ({ state: 'unknown', reason: reason.message });
    }
  };
}
