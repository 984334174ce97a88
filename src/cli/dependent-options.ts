import type { Command, Option } from 'commander';
import { UdfError } from '../model/errors.js';

/**
 * Refuses options of `dependent` that are given without any of `needed`: they would be without effect, and their user
 * would not know. All are names as commander has them, such as `stateInterval`.
 */
export function requireAnyOf(
  command: Command,
  dependent: readonly string[],
  needed: readonly string[],
): Command {
  return command.hook('preAction', (_, called) => {
    const isGiven = (name: string): boolean => called.getOptionValueSource(name) === 'cli';
    if (needed.some(isGiven)) return;
    const name = dependent.find(isGiven);
    if (name === undefined) return;
    const given = flagOf(called, name, called.getOptionValue(name) === false);
    const missing = needed.map((option) => flagOf(called, option)).join(' or ');
    throw new UdfError('usage', `${given} has no effect without ${missing}; add that, or leave ${given} out`);
  });
}

/** The option as it is typed. Of an option and its `--no-…`, the latter if `isNegated`. */
function flagOf(command: Command, name: string, isNegated = false): string {
  const options = command.options.filter((option) => option.attributeName() === name);
  const option: Option | undefined = options.find(({ negate }) => negate === isNegated) ?? options[0];
  return option?.long ?? name;
}
