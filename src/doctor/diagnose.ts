import { remoteUrl } from '../host/remote/address.js';
import { counted } from '../model/text.js';
import { checkAccess } from './access.js';
import { checkTimeouts } from './answers.js';
import { checkCachedInfo } from './cached-info.js';
import { collectFacts, type DoctorOptions } from './facts.js';
import type { Finding, Severity } from './finding.js';
import { checkRemoteHost } from './remote-host.js';
import { checkSockets } from './sockets.js';
import { checkState } from './state.js';
import { checkTasks } from './tasks.js';
import { checkVersions } from './versions.js';

export type { DoctorOptions } from './facts.js';
export type { Finding, Severity } from './finding.js';

/** What was checked, and what was found: errors first. */
export interface Diagnosis {
  /** The configuration file that the sockets come from. */
  readonly config: string | undefined;
  readonly kapacitor: { readonly url: string; readonly version: string } | undefined;
  /** The URL of the host on another machine that was asked. */
  readonly remote: string | undefined;
  /** Number of UDFs, with a socket or as a process. */
  readonly udfs: number;
  /** Number of tasks that use UDFs. */
  readonly tasks: number;
  readonly findings: readonly Finding[];
}

const order: readonly Severity[] = ['error', 'warning', 'note'];

/** Checks a setup of Kapacitor with the hosts of its UDFs. Changes nothing. What cannot be determined is a finding. */
export async function diagnose(options: DoctorOptions): Promise<Diagnosis> {
  const facts = await collectFacts(options);
  const { server, settingsFile, sockets, processes } = facts;
  const findings = [
    ...facts.findings,
    ...checkVersions(facts),
    ...(await checkSockets(facts)),
    ...(await checkRemoteHost(facts)),
    ...checkAccess(facts),
    ...checkTimeouts(facts),
    ...(await checkCachedInfo(facts)),
    ...checkTasks(facts),
    ...(await checkState(facts)),
  ];
  return {
    config: settingsFile,
    kapacitor: server && { url: server.api.url, version: server.version },
    remote: options.remote && remoteUrl(options.remote.address),
    udfs: sockets.length + processes.length,
    tasks: server?.statuses.filter(({ udfs }) => udfs.length > 0).length ?? 0,
    findings: findings.sort((one, other) => order.indexOf(one.severity) - order.indexOf(other.severity)),
  };
}

/** Whether something needs to be done: notes are no problems. */
export function hasProblems({ findings }: Diagnosis): boolean {
  return findings.some(({ severity }) => severity !== 'note');
}

/** The findings for people, three lines each, and what was checked. */
export function diagnosisText(diagnosis: Diagnosis): string {
  const { config, kapacitor, remote, udfs, tasks, findings } = diagnosis;
  const sections = findings.map(({ severity, what, where, remedy }) =>
    [`${severity.padEnd(8)} ${what}`, `   where: ${where}`, `   to do: ${remedy}`, ''].join('\n'),
  );
  const count = (severity: Severity): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const counts = order.map((severity) => counted(count(severity), severity)).join(', ');
  const checked = [
    counted(udfs, 'UDF'),
    config ?? 'no configuration',
    kapacitor
      ? `Kapacitor ${kapacitor.version} at ${kapacitor.url} with ${counted(tasks, 'task')} of UDFs`
      : 'no Kapacitor',
    ...(remote === undefined ? [] : [`the host at ${remote}`]),
  ].join('; ');
  const result = hasProblems(diagnosis) ? counts : `no problem (${counted(count('note'), 'note')})`;
  return [...sections, `checked: ${checked}`, result].join('\n');
}
