import { showAverage } from './average.js';
import { showChanges } from './changes.js';
import { showRate } from './rate.js';
import { openStage } from './stage.js';

/** Prints the demonstration part by part. Throws what the host or a conversation throws. */
export async function runDemo(print: (text: string) => void): Promise<void> {
  const stage = openStage();
  try {
    print(`A host serves the UDFs on Unix sockets in ${stage.directory}.\n`);
    for (const part of [showChanges, showAverage, showRate]) print(`\n${await part(stage)}\n`);
  } finally {
    await stage.close();
  }
}
