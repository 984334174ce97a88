import { Command } from 'commander';

/** `demo`: the main job on real input, with nothing else installed. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('show the UDFs at work')
    .description('Shows the UDFs at work: hosted on real sockets, with this process playing Kapacitor.')
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf demo')
    .action(async () => {
      // Loaded when it is needed: it brings the test kit, which hosting UDFs never does.
      const { runDemo } = await import('../demo/run-demo.js');
      await runDemo((text) => process.stdout.write(text));
    });
}
