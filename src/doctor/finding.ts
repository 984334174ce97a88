/** `error`: something does not work. `warning`: it may stop to. `note`: worth knowing, no problem. */
export type Severity = 'error' | 'warning' | 'note';

/** Something that a check has found. Each text is one line. */
export interface Finding {
  readonly severity: Severity;
  /** The group of checks: `sockets`, `access`, … */
  readonly check: string;
  readonly what: string;
  /** A file, a socket, a task, a URL. */
  readonly where: string;
  readonly remedy: string;
}

/** Creates findings of one group of checks. */
export function finder(check: string) {
  return (severity: Severity, where: string, what: string, remedy: string): Finding => ({
    severity,
    check,
    what: oneLine(what),
    where: oneLine(where),
    remedy,
  });
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ');
}
