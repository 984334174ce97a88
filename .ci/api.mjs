// Compares the public API with its reports in .ci/api, one an entry point: a change of the API shows as a change of a file.
// `npm run api` writes the reports anew.
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const isUpdate = process.argv.includes('--update');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.entries(exports).flatMap(([name, { types }]) =>
  types === undefined ? [] : [{ file: types, report: `kapacitor-udf${name.slice(1).replace('/', '-')}` }],
);
const temporary = mkdtempSync(join(tmpdir(), 'api-'));
const quiet = { default: { logLevel: ExtractorLogLevel.None } };
let changed = [];
try {
  for (const { file, report } of entries) {
    const config = ExtractorConfig.prepare({
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, 'package.json'),
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(root, file),
        compiler: {
          overrideTsconfig: {
            extends: join(root, 'tsconfig.json'),
            compilerOptions: { typeRoots: [join(root, 'node_modules/@types')] },
            files: [join(root, file)],
            include: [],
          },
        },
        apiReport: {
          enabled: true,
          reportFolder: join(root, '.ci/api'),
          reportTempFolder: temporary,
          reportFileName: `${report}.api.md`,
          includeForgottenExports: true,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: { extractorMessageReporting: quiet, tsdocMessageReporting: quiet },
      },
    });
    const result = Extractor.invoke(config, {
      localBuild: isUpdate,
      messageCallback(message) {
        message.handled = message.logLevel !== ExtractorLogLevel.Error;
      },
    });
    if (result.apiReportChanged) changed.push(`.ci/api/${report}.api.md`);
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
if (changed.length > 0 && isUpdate) process.stdout.write(`written: ${changed.join(', ')}\n`);
if (changed.length > 0 && !isUpdate) {
  process.stderr.write(
    `the public API differs from ${changed.join(', ')}: if that is meant, run \`npm run api\`, commit the report, and tell it in CHANGELOG.md\n`,
  );
  process.exit(1);
}
