import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { groupNumber } from '../../src/host/unix-group.js';
import { tempDir } from '../support/temp-dir.js';

function groupFile(): string {
  const file = join(tempDir(), 'group');
  writeFileSync(file, 'root:x:0:\nkapacitor:x:998:telegraf,grafana\n');
  return file;
}

test.each([
  [1000, 1000],
  ['1000', 1000],
  ['root', 0],
  ['kapacitor', 998],
])('the number of the group %o is %i', (group, number) => {
  expect(groupNumber(group, groupFile())).toBe(number);
});

test('a group that the system does not have is refused; a member of one is none', () => {
  const file = groupFile();
  expect(() => groupNumber('telegraf', file)).toThrow(
    expect.objectContaining({
      code: 'invalid_config',
      message: `there is no group "telegraf" in ${file}; give one that is there, or its number`,
    }),
  );
});

test('a name is refused where the groups cannot be read, a number is not', () => {
  const file = join(tempDir(), 'none');
  expect(groupNumber('7', file)).toBe(7);
  expect(() => groupNumber('kapacitor', file)).toThrow(
    expect.objectContaining({
      code: 'invalid_config',
      message: `cannot read ${file}; give the group's number instead`,
    }),
  );
});
