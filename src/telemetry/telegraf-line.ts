/** Telegraf's mark of each level; a line without one is an error to it. */
const marks: Readonly<Record<string, string>> = {
  debug: 'D! ',
  info: 'I! ',
  warn: 'W! ',
  error: 'E! ',
  fatal: 'E! ',
};

/** What every entry has, and what its message says already. */
const left: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'code', 'err']);

/** A line of JSON, at most 16 KiB long, as Telegraf's execd plugins read standard error: `E! message (key=value, …)`. */
export function telegrafLine(json: string): string {
  const entry = JSON.parse(json) as Readonly<Record<string, unknown>>; // the logger writes each line from an object
  const { level, msg, err } = entry;
  const details = Object.entries(entry).filter(([key]) => !left.has(key));
  const stack = (err as { readonly stack?: unknown } | undefined)?.stack;
  if (typeof stack === 'string') details.push(['stack', stack]);
  const suffix = details.map(([key, value]) => `${key}=${show(value)}`).join(', ');
  const text = `${show(msg ?? '')}${suffix && ` (${suffix})`}`;
  return `${marks[String(level)] ?? 'E! '}${text.replace(/\s*\r?\n\s*/g, ' | ')}\n`;
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
