import { Command, Option } from 'commander';
import type { RemoteAddress } from '../host/remote/address.js';
import { ExitCode } from './exit-code.js';
import { logLevelOption, type SocketOptions } from './options.js';
import { timerDuration } from './parse-values.js';
import { print, printJson } from './print.js';
import {
  addRemoteOptions,
  type RemoteFlags,
  remoteOption,
  remoteSettings,
  tlsNameOption,
} from './remote-options.js';
import { kapacitorUrlOption } from './url-options.js';

interface DoctorOptions extends SocketOptions, RemoteFlags {
  readonly remote?: RemoteAddress;
  /** `false` for `--no-kapacitor`, `true` if neither is given. */
  readonly kapacitor: string | boolean;
  readonly kapacitorUser?: string;
  readonly stateDir?: string;
  readonly timeout: bigint;
  readonly json?: true;
}

/** `doctor`: what is wrong with a setup, and what to do about it. */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .summary('find what is wrong with a setup, and what to do about it')
    .description(
      'Checks the version of Node.js, the sockets, who may use them, and how fast UDFs answer against the timeout; whether ' +
        'Kapacitor knows their present options, its tasks, snapshots and states, known defects of its version; and, with --remote, the host ' +
        'of a proxy. ' +
        'Changes nothing. Exits with 0 if there is no problem, and 1 if there are errors or warnings; notes do not count.',
    )
    .addOption(
      new Option(
        '--config <file>',
        'kapacitor.conf (default: that of the running kapacitord, else /etc/kapacitor/kapacitor.conf)',
      ).conflicts('socketDir'),
    )
    .option('--socket-dir <dir>', 'check the sockets of this directory, in place of those of kapacitor.conf')
    .addOption(kapacitorUrlOption('--kapacitor'))
    .option('--no-kapacitor', 'leave out what needs a running Kapacitor')
    .option(
      '--kapacitor-user <user>',
      'the user that Kapacitor runs as, name or number (default: as the running kapacitord)',
    )
    .option('--state-dir <dir>', 'also check the states that serve keeps with --state-dir')
    .addOption(
      new Option('--timeout <duration>', 'how long a UDF, or a request to Kapacitor, may take to be answered')
        .default(5_000_000_000n, '5s')
        .argParser(timerDuration('1ms')),
    )
    .option('--json', 'as JSON')
    .addOption(logLevelOption())
    .addOption(remoteOption())
    .addOption(tlsNameOption('--remote'));
  return addRemoteOptions(command, 'remote')
    .addHelpText(
      'after',
      '\nExamples:\n  $ kapacitor-udf doctor\n' +
        '  $ sudo kapacitor-udf doctor --config /etc/kapacitor/kapacitor.conf --state-dir /var/lib/kapacitor-udf\n' +
        '  $ kapacitor-udf doctor --remote tls://udf.example.com:9070 --tls-cert proxy.pem --tls-key proxy.key --tls-ca ca.pem',
    )
    .action(doctor);
}

async function doctor(options: DoctorOptions): Promise<void> {
  const [{ diagnose, diagnosisText, hasProblems }, { kapacitorTarget }] = await Promise.all([
    import('../doctor/diagnose.js'),
    import('../kapacitor/target.js'),
  ]);
  const { kapacitor, timeout, config, socketDir, kapacitorUser, stateDir, remote } = options;
  const url = typeof kapacitor === 'string' ? kapacitor : undefined;
  const diagnosis = await diagnose({
    config,
    socketDir,
    kapacitorUser,
    stateDir,
    remote: remote && { address: remote, ...remoteSettings(remote, options) },
    kapacitor: kapacitor === false ? undefined : kapacitorTarget(url, process.env),
    answerTimeoutMs: Number(timeout / 1_000_000n),
  });
  if (options.json) await printJson(diagnosis);
  else await print(diagnosisText(diagnosis));
  if (hasProblems(diagnosis)) throw new ExitCode(1);
}
