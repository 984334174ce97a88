import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Checks another commit out beside this one and builds it.
 *
 * @param {string} here The repository.
 * @param {string} rev
 * @param {string} directory Where to put it.
 */
export function checkOut(here, rev, directory) {
  const git = (...args) => execFileSync('git', args, { cwd: here, encoding: 'utf8' }).trim();
  const root = join(directory, 'compared');
  const label = git('rev-parse', '--short', `${rev}^{commit}`);
  git('worktree', 'add', '--detach', root, label);
  const remove = () => git('worktree', 'remove', '--force', root);
  try {
    const lock = (folder) => readFileSync(join(folder, 'package-lock.json'), 'utf8');
    // The same packages are not installed twice.
    if (lock(here) === lock(root) && existsSync(join(here, 'node_modules'))) {
      symlinkSync(join(here, 'node_modules'), join(root, 'node_modules'));
    } else {
      execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd: root,
        stdio: 'inherit',
      });
    }
    execFileSync(process.execPath, [join(root, '.ci/build.mjs')], { cwd: root, stdio: 'inherit' });
  } catch (reason) {
    remove();
    throw reason;
  }
  return { label, root, remove };
}
