import { messageOf, systemCode } from './errors.js';

/** An npm package that is only loaded where it is needed. */
export interface OptionalLibrary {
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  /** The command that installs it. */
  readonly install: string;
}

/** Whether the import of a package failed as it is not installed. That one of its own dependencies is missing does not count. */
export function isNotInstalled(reason: unknown, name: string): boolean {
  const code = systemCode(reason);
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return false;
  return messageOf(reason).includes(`'${name}'`);
}

/** Why a package that is installed cannot be loaded, and what to do: one line. */
export function libraryFailure(reason: unknown, { name, title, install }: OptionalLibrary): string {
  const message = messageOf(reason).replace(/\s*[\r\n]+\s*/g, ' ');
  return `${title} (${name}) is installed, but cannot be loaded: ${message}; ${remedyFor(reason, name, install)}`;
}

function remedyFor(reason: unknown, name: string, install: string): string {
  const code = systemCode(reason) ?? '';
  if (code === 'ERR_DLOPEN_FAILED') {
    return `its binary is for another Node.js or system than this one (${process.version}, ${process.platform} ${process.arch}): npm rebuild ${name}`;
  }
  return `install it anew: ${install}`;
}
