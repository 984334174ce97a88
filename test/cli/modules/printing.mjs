// Prints in every way there is, while it is loaded and with every point.
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { defineUdf } from 'kapacitor-udf';

function printEverything(when) {
  console.log(`console.log ${when}`);
  console.info(`console.info ${when}`);
  process.stdout.write(`process.stdout.write ${when}\n`);
  writeSync(1, `fs.writeSync ${when}\n`);
  spawnSync(process.execPath, ['-e', `console.log('child process ${when}')`], { stdio: 'inherit' });
}

printEverything('at import');

export default defineUdf({
  name: 'printing',
  wants: 'stream',
  provides: 'stream',
  point(point, { emit }) {
    printEverything('with a point');
    emit(point);
  },
});
