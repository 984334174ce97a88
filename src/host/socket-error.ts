import { dirname } from 'node:path';
import { messageOf, systemCode, UdfError } from '../model/errors.js';

const permissionCodes = new Set(['EACCES', 'EPERM', 'EROFS']);
const notDirectoryCodes = new Set(['EEXIST', 'ENOTDIR']);

/** Whether a system error means missing permission. */
export function isPermission(reason: unknown): boolean {
  return permissionCodes.has(systemCode(reason) ?? '');
}

/** Converts any failure with a socket file to a UdfError: what was tried, where, and what to do. */
export function socketError(reason: unknown, action: string, path: string): UdfError {
  if (reason instanceof UdfError) return reason;
  const code = systemCode(reason);
  if (code !== undefined && permissionCodes.has(code)) {
    return new UdfError(
      'socket_permission',
      `cannot ${action} ${path}: no permission (${code}); let this user write to ${dirname(path)}, or choose another directory`,
      { cause: reason },
    );
  }
  if (code !== undefined && notDirectoryCodes.has(code)) {
    return new UdfError(
      'socket_failed',
      `cannot ${action} ${path}: something on that path is a file, not a directory; remove it, or choose another directory`,
      { cause: reason },
    );
  }
  return new UdfError('socket_failed', `cannot ${action} ${path}: ${messageOf(reason)}`, { cause: reason });
}
