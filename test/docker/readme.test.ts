import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pathOf, text, yaml } from './support/files.js';

const pages = ['docker/README.md', 'docker/kubernetes/README.md'];

describe('the pages about containers', () => {
  it.each(pages)('%s links to what is there', (page) => {
    const links = [...text(page).matchAll(/\]\(([^)#]+)\)/g)].map(([, link = '']) => link);
    for (const link of links) expect(existsSync(join(dirname(pathOf(page)), link)), link).toBe(true);
    expect(links.length).toBeGreaterThan(1);
  });

  it('say what each service of compose.yaml is for', () => {
    const { services } = yaml('docker/compose.yaml') as { readonly services: object };
    const described = [...text('docker/README.md').matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name);
    expect(described.sort()).toEqual(Object.keys(services).sort());
  });

  it('name settings that can be set', () => {
    const settings = pages.flatMap((page) => text(page).match(/\b[A-Z]+(_[A-Z]+)+\b/g) ?? []);
    const known = text('docker/.env.example') + text('src/influx/target.ts') + '$POD_NAME';
    for (const setting of settings) expect(known).toContain(setting.replace(/_FILE$/, ''));
  });
});
