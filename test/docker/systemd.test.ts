import { describe, expect, it } from 'vitest';
import { text } from './support/files.js';

describe('the units of systemd', () => {
  const unit = text('docker/systemd/kapacitor-udf.service');
  const dropIn = text('docker/systemd/kapacitor.service.d/kapacitor-udf.conf');

  it('start Kapacitor after the host, and anew with it', () => {
    expect(dropIn).toMatch(/^Requires=kapacitor-udf\.service$/m);
    expect(dropIn).toMatch(/^After=kapacitor-udf\.service$/m);
    expect(unit).toMatch(/^Type=notify$/m);
  });

  it('let the host notify by a process of its own, and start it again when it ends or stands still', () => {
    expect(unit).toMatch(/^NotifyAccess=all$/m);
    expect(unit).toMatch(/^WatchdogSec=\d+$/m);
    expect(unit).toMatch(/^Restart=always$/m);
  });

  it('have the tasks enabled again after a crash of the host', () => {
    expect(unit).toMatch(/^ExecStart=.* --kapacitor http:\/\/localhost:9092 /m);
    expect(unit).toMatch(/^RuntimeDirectoryPreserve=restart$/m);
  });

  it('put the sockets where `kapacitor-udf config` has them, for the group of Kapacitor', () => {
    expect(unit).toMatch(/^RuntimeDirectory=kapacitor-udf$/m);
    expect(unit).toMatch(/^Group=kapacitor$/m);
  });
});
