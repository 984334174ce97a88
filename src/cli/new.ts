import { Command } from 'commander';
import { print } from './print.js';

interface NewOptions {
  readonly batch?: true;
  readonly dir?: string;
  readonly package?: string;
}

/** `new`: a project for a UDF of the user's own. */
export function newCommand(): Command {
  return new Command('new')
    .summary('make a project for a new UDF, with its tests')
    .description(
      'Makes a directory with a small UDF in TypeScript, a test that replays a recording, a TICKscript with a test of its ' +
        'own, and a Dockerfile. Its tests pass as it is. Nothing that exists is overwritten.',
    )
    .argument('<name>', 'how TICKscripts are to call it: a letter, then letters, digits and _')
    .option('--batch', 'a UDF of batches (default: of a stream)')
    .option(
      '--dir <dir>',
      'where to make it (default: a directory named after the UDF, rate-limit for rateLimit)',
    )
    .option(
      '--package <spec>',
      'the kapacitor-udf to depend on, as npm takes it: a version, a directory, a .tgz (default: this one)',
    )
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf new rateLimit')
    .action(create);
}

async function create(name: string, options: NewOptions): Promise<void> {
  const { createProject } = await import('../scaffold/create-project.js');
  const { batch, dir, package: dependency } = options;
  const { directory, files } = await createProject({ name, batch, directory: dir, dependency });
  const enter = directory === '.' ? '' : `cd ${quoted(directory)} && `;
  await print(
    [
      `made ${directory} with ${files.length} files; next:`,
      `  ${enter}npm install`,
      '  npm test',
      '  npm run dev',
    ].join('\n'),
  );
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
