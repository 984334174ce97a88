import { describe, expect, test } from 'vitest';
import { checkVersions, requiredNode } from '../../src/doctor/versions.js';
import type { Facts } from '../../src/doctor/facts.js';

const facts = { server: undefined } as Facts; // all that is read of it

describe('the version of Node.js', () => {
  test('is compared with what package.json requires', () => {
    expect(requiredNode()).toMatch(/^\d+\.\d+$/);
  });

  test.each(['18.20.4', '20.18.9', '20.9.0'])('%s is an error', (version) => {
    expect(checkVersions(facts, version)).toMatchObject([{ severity: 'error', where: `Node.js ${version}` }]);
  });

  test.each(['20.19.0', '22.0.0', '24.21.0', process.versions.node])('%s is fine', (version) => {
    expect(checkVersions(facts, version)).toEqual([]);
  });
});
