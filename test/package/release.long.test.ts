import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { tempDir } from '../support/temp-dir.js';

const script = fileURLToPath(new URL('../../.ci/release.mjs', import.meta.url));
const manifest = (version: string): string => `{\n  "name": "kapacitor-udf",\n  "version": "${version}"\n}\n`;
const lock = (version: string): string =>
  `{\n  "name": "kapacitor-udf",\n  "version": "${version}",\n  "lockfileVersion": 3,\n  "packages": {\n    "": {\n      "version": "${version}"\n    },\n    "node_modules/other": {\n      "version": "0.1.0"\n    }\n  }\n}\n`;
const changelog =
  '# Changelog\n\n## Unreleased\n\n### Added\n\n- Something.\n\n## 0.1.0 - 2026-01-01\n\n- The first.\n';

interface Repository {
  readonly git: (...args: string[]) => string;
  readonly read: (file: string) => string;
  readonly write: (file: string, text: string) => void;
  readonly commit: () => void;
  readonly files: () => string[];
  readonly release: (...args: string[]) => { code: number | null; stdout: string; stderr: string };
}

function repository(): Repository {
  const directory = tempDir();
  const env = {
    ...process.env,
    RELEASE_ROOT: directory,
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  };
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: directory, env, encoding: 'utf8' }).trim();
  const write = (file: string, text: string): void => {
    writeFileSync(join(directory, file), text);
  };
  const commit = (): void => {
    git('add', '--all');
    git('commit', '--quiet', '--message', 'Change');
  };
  git('init', '--quiet', '--initial-branch', 'main');
  write('package.json', manifest('0.1.0'));
  write('package-lock.json', lock('0.1.0'));
  write('CHANGELOG.md', changelog);
  write('.gitignore', '*.tgz\n');
  commit();
  return {
    git,
    write,
    commit,
    read: (file) => readFileSync(join(directory, file), 'utf8'),
    files: () =>
      readdirSync(directory)
        .filter((file) => file !== '.git')
        .sort(),
    release: (...args) => {
      const command = [script, ...args, '--skip-verify'];
      const { status, stdout, stderr } = spawnSync(process.execPath, command, {
        cwd: directory,
        env,
        encoding: 'utf8',
      });
      return { code: status, stdout, stderr };
    },
  };
}

test('a release writes version and changelog, packs, commits and tags, and publishes nothing', () => {
  const { git, read, release } = repository();
  const { code, stdout } = release('1.0.0');
  expect(stdout).toMatch(
    /^kapacitor-udf-1\.0\.0\.tgz: \d+ KiB\ncommitted and tagged v1\.0\.0; to publish:\n/,
  );
  expect(stdout).toContain('npm publish kapacitor-udf-1.0.0.tgz');
  expect(code).toBe(0);
  expect(read('package.json')).toBe(manifest('1.0.0'));
  expect(read('package-lock.json')).toBe(lock('1.0.0'));
  const today = new Date().toISOString().slice(0, 10);
  expect(read('CHANGELOG.md')).toBe(
    changelog.replace('## Unreleased\n', `## Unreleased\n\n## 1.0.0 - ${today}\n`),
  );
  expect(git('log', '-1', '--format=%s')).toBe('Release 1.0.0');
  expect(git('tag', '--points-at', 'HEAD')).toBe('v1.0.0');
  expect(git('status', '--porcelain')).toBe('');
});

test('a dry run leaves all as it was', () => {
  const { git, read, files, release } = repository();
  const before = git('rev-parse', 'HEAD');
  const { code, stdout } = release('1.0.0', '--dry-run');
  expect(stdout).toContain(
    'dry run: would commit package.json, package-lock.json, CHANGELOG.md as "Release 1.0.0"',
  );
  expect(code).toBe(0);
  expect(git('rev-parse', 'HEAD')).toBe(before);
  expect(git('tag')).toBe('');
  expect(read('package.json')).toBe(manifest('0.1.0'));
  expect(files()).toEqual(['.gitignore', 'CHANGELOG.md', 'package-lock.json', 'package.json']);
});

describe('a release is refused, with one line and nothing changed,', () => {
  test.each<[string, string[], (repository: Repository) => void, RegExp]>([
    ['without a version', [], () => undefined, /give the version/],
    ['for what is no version', ['1.0'], () => undefined, /"1\.0" is no version/],
    ['for a version that is not newer', ['0.1.0'], () => undefined, /0\.1\.0 is not newer than 0\.1\.0/],
    ['for a pre-release of an old version', ['0.1.0-rc.1'], () => undefined, /0\.1\.0-rc\.1 is not newer/],
    [
      'with uncommitted changes',
      ['1.0.0'],
      ({ write }) => {
        write('new.txt', '');
      },
      /changes that are not committed/,
    ],
    [
      'on another branch',
      ['1.0.0'],
      ({ git }) => {
        git('switch', '--quiet', '--create', 'other');
      },
      /on the branch main/,
    ],
    [
      'where the tag exists',
      ['1.0.0'],
      ({ git }) => {
        git('tag', 'v1.0.0');
      },
      /there is a tag v1\.0\.0 already/,
    ],
    [
      'with an empty changelog',
      ['1.0.0'],
      ({ write, commit }) => {
        write('CHANGELOG.md', '# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n- The first.\n');
        commit();
      },
      /nothing under "## Unreleased"/,
    ],
  ])('%s', (_when, args, change, message) => {
    const made = repository();
    change(made);
    const before = made.git('rev-parse', 'HEAD');
    const { code, stderr } = made.release(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^not released: [^\n]*\n$/);
    expect(code).toBe(1);
    expect(made.git('rev-parse', 'HEAD')).toBe(before);
    expect(made.read('package.json')).toBe(manifest('0.1.0'));
  });
});

test('versions are compared by their numbers, release candidates before the release', () => {
  const { write, commit, release } = repository();
  const refused = ['0.2.0-rc.1', '0.2.0-rc.9', '0.2.0-rc.11', '0.9.0'];
  for (const [index, version] of ['0.2.0-rc.2', '0.2.0-rc.10', '0.2.0', '0.10.0'].entries()) {
    expect(release(version).code).toBe(0);
    write('CHANGELOG.md', changelog);
    commit();
    expect(release(refused[index]!).stderr).toBe(
      `not released: ${refused[index]!} is not newer than ${version}\n`,
    );
  }
});
