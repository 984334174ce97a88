import { describe, expect, it } from 'vitest';
import { text } from './support/files.js';

describe('the units of systemd', () => {
  const unit = text('docker/systemd/kapacitor-udf.service');
  const dropIn = text('docker/systemd/kapacitor.service.d/kapacitor-udf.conf');

  it('start Kapacitor after the host, and anew with it', () => {
    expect(dropIn).toMatch(/^Requires=kapacitor-udf\.service$/m);
    expect(dropIn).toMatch(/^After=kapacitor-udf\.service$/m);
    expect(unit).toMatch(/^ExecStartPost=.*kapacitor-udf check --config \/etc\/kapacitor\/kapacitor\.conf/m);
  });

  it('put the sockets where `kapacitor-udf config` has them, for the group of Kapacitor', () => {
    expect(unit).toMatch(/^RuntimeDirectory=kapacitor-udf$/m);
    expect(unit).toMatch(/^Group=kapacitor$/m);
  });
});
