import { messageOf, systemCode } from '../model/errors.js';

/** Why nobody can be reached on a UDF's socket. */
export function connectProblem(reason: Error): string {
  switch (systemCode(reason)) {
    case 'ENOENT':
      return 'there is no socket';
    case 'ECONNREFUSED':
      return 'nobody listens there; its host is gone';
    case 'EACCES':
      return 'no permission to connect; see --socket-mode and --socket-group of serve';
    default:
      return messageOf(reason);
  }
}
