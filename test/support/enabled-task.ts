import type { Task } from '../../src/kapacitor/types.js';

/** A task as Kapacitor's API returns it, enabled and running, that uses the UDF `a`. */
export const enabledTask = (id: string, more: Partial<Task> = {}): Task => ({
  id,
  type: 'stream',
  'template-id': '',
  dbrps: [],
  script: 'stream|from()@a()',
  dot: '',
  vars: {},
  status: 'enabled',
  executing: true,
  error: '',
  stats: null,
  'last-enabled': '2026-01-01T00:00:00Z',
  ...more,
});
