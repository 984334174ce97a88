/** A command line that cannot be carried out: reported like every error, with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Commander's own message, which may take two lines, as one of ours. */
export function usageMessage(text: string): string {
  const message = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\s*\(Did you mean (.*)\?\)$/s, ' (did you mean $1?)')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return `kapacitor-udf: ${message}; --help shows the usage\n`;
}
