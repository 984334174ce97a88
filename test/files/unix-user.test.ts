import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { groupName, mayAccess, userNamed } from '../../src/files/unix-user.js';
import { tempDir } from '../support/temp-dir.js';

function accounts(): { passwd: string; group: string } {
  const directory = tempDir();
  const [passwd, group] = [join(directory, 'passwd'), join(directory, 'group')];
  writeFileSync(passwd, 'root:x:0:0::/root:/bin/sh\nkapacitor:x:990:991::/:/bin/false\n');
  writeFileSync(group, 'root:x:0:\nkapacitor:x:991:\nudf:x:500:alice,kapacitor\nother:x:501:alice\n');
  return { passwd, group };
}

describe('a user', () => {
  test('is found by name or number, with the groups that it is in', () => {
    const files = accounts();
    const user = { name: 'kapacitor', uid: 990, gids: new Set([991, 500]) };
    expect(userNamed('kapacitor', files)).toEqual(user);
    expect(userNamed('990', files)).toEqual(user);
  });

  test('that does not exist, or a list of users that cannot be read, is an error that names it', () => {
    const { passwd } = accounts();
    expect(() => userNamed('bob', { passwd })).toThrow(`there is no user "bob" in ${passwd}`);
    expect(() => userNamed('bob', { passwd: '/none' })).toThrow('cannot read /none: no such file');
  });
});

test('a group has a name, or its number', () => {
  const { group } = accounts();
  expect(groupName(500, group)).toBe('udf');
  expect(groupName(7, group)).toBe('7');
  expect(groupName(7, '/none')).toBe('7');
});

describe('access', () => {
  const user = { name: 'kapacitor', uid: 990, gids: new Set([991, 500]) };
  test.each([
    ['its own file', 990, 1, 0o200, true],
    ['its own file, of which its group has more', 990, 500, 0o020, false],
    ['a file of its group', 1, 500, 0o020, true],
    ['a file of its group, of which others have more', 1, 500, 0o002, false],
    ['a file of others', 1, 1, 0o002, true],
    ['a file that is closed to others', 1, 1, 0o770, false],
  ])('to %s is as the mode says', (_what, uid, gid, mode, expected) => {
    expect(mayAccess(user, { uid, gid, mode }, 'write')).toBe(expected);
    const search = ((mode >> 1) & 0o111) | (mode & 0o666);
    expect(mayAccess(user, { uid, gid, mode: search }, 'search')).toBe(expected);
  });

  test('of root is not limited, but nobody runs what is no program', () => {
    const root = { name: 'root', uid: 0, gids: new Set([0]) };
    expect(mayAccess(root, { uid: 1, gid: 1, mode: 0 }, 'write')).toBe(true);
    expect(mayAccess(root, { uid: 1, gid: 1, mode: 0o644 }, 'execute')).toBe(false);
    expect(mayAccess(root, { uid: 1, gid: 1, mode: 0o744 }, 'execute')).toBe(true);
  });
});
