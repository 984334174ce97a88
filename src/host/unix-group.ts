import { readFileSync } from 'node:fs';
import { UdfError } from '../model/errors.js';

/** Resolves a group's name or number to its number. Throws `invalid_config` for an unknown name. */
export function groupNumber(group: string | number, groupFile = '/etc/group'): number {
  if (typeof group === 'number') return group;
  if (/^\d+$/.test(group)) return Number(group);
  const line = groupLines(groupFile).find(([name]) => name === group);
  if (!line) {
    throw new UdfError(
      'invalid_config',
      `there is no group "${group}" in ${groupFile}; give one that is there, or its number`,
    );
  }
  return Number(line[2]);
}

function groupLines(groupFile: string): string[][] {
  try {
    return readFileSync(groupFile, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch (cause) {
    throw new UdfError('invalid_config', `cannot read ${groupFile}; give the group's number instead`, {
      cause,
    });
  }
}
