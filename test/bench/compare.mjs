import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { atExit } from './clean-up.mjs';

/**
 * Checks another commit out beside this one and builds it.
 *
 * @param {string} here The repository.
 * @param {string} rev
 * @param {string} directory Where to put it.
 */
export function checkOut(here, rev, directory) {
  const git = (...args) =>
    execFileSync('git', args, { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  const root = join(directory, 'compared');
  const label = nameOf(git, rev);
  git('worktree', 'add', '--detach', root, label);
  atExit(() => git('worktree', 'remove', '--force', root));
  const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  try {
    const lock = (folder) => readFileSync(join(folder, 'package-lock.json'), 'utf8');
    // The same packages are not installed twice.
    if (lock(here) === lock(root) && existsSync(join(here, 'node_modules'))) {
      symlinkSync(join(here, 'node_modules'), join(root, 'node_modules'));
    } else {
      run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error');
    }
    run(process.execPath, join(root, '.ci/build.mjs'));
  } catch (cause) {
    throw new Error(`${rev} (${label}) cannot be built: compare with a commit that can`, { cause });
  }
  return { label, root };
}

function nameOf(git, rev) {
  try {
    return git('rev-parse', '--short', '--verify', `${rev}^{commit}`);
  } catch (cause) {
    throw new Error(`there is no commit ${rev} to compare with`, { cause });
  }
}
