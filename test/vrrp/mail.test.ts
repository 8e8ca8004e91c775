// Whom `baton vrrp` keeps informed: people by mail, through a server on the other host, and the service manager.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { NotifySocket } from '../harness/notify-socket.ts';
import { until } from '../harness/wait.ts';
import { HOSTS, skip, startHosts } from '../os/hosts.ts';
import { bundleProcess, startCommand } from './routers.ts';

const conf = (folder: string, recipient: string): string => `
global_defs {
  router_id db1
  script_user root
  smtp_server ${HOSTS.b.ipv4}
  notification_email_from "Redis pair <ha@example.org>"
  notification_email {
    ${recipient}
    Ops Team <ops@example.org>
  }
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority 150
  version 3
  advert_int 0.1
  virtual_ipaddress {
    10.77.0.100
  }
  smtp_alert
  notify_master "/bin/sh ${folder}/hook"
}
`;

describe('baton vrrp', { skip }, () => {
  it('mails its states and keeps the service manager informed, from start to stop', async (t) => {
    const { a, b } = startHosts(t);
    const folder = mkdtempSync(join(tmpdir(), 'baton-mail-'));
    const ear = new NotifySocket(join(folder, 'notify'));
    t.after(() => {
      ear.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const file = join(folder, 'keepalived.conf');
    writeFileSync(file, conf(folder, 'anna@example.org'));
    writeFileSync(join(folder, 'hook'), `env > ${folder}/environment\n`);
    const bundle = await bundleProcess('smtp-relay-process');
    const relay = startCommand(t, b, [process.execPath, bundle, HOSTS.b.ipv4, '25']);
    await relay.says('listening');

    const baton = [process.execPath, resolve('bin/baton'), 'vrrp'];
    const check = a.run(...baton, '-t', '-f', file);
    assert.match(check, /^ {2}sends mail$/m);
    assert.match(
      check,
      /^mail through 10\.77\.0\.2:25 from Redis pair <ha@.*> to anna@example\.org, Ops Team <ops@example\.org>$/m,
    );
    assert.doesNotMatch(check, /warning/);

    const environment = [
      `RUNTIME_DIRECTORY=${folder}/run`,
      `NOTIFY_SOCKET=${folder}/notify`,
      'WATCHDOG_USEC=1000000',
    ];
    const daemon = startCommand(t, a, ['env', ...environment, ...baton, '-l', '-D', '-f', file]);
    const context = (): string => `${daemon.output}\n${relay.output}\n${ear.heard().join('\n')}`;
    const tells = (what: string | RegExp): Promise<boolean> =>
      until(
        `the manager to hear ${String(what)}`,
        () => ear.heard().some((one) => (typeof what === 'string' ? one === what : what.test(one))),
        context,
      );
    await relay.says('[db1] VRRP Instance VI_1 - Entering MASTER state');
    const [first = '', second = ''] = relay.output.split('\n').slice(1);
    assert.deepEqual(JSON.parse(first), {
      from: 'ha@example.org',
      to: ['anna@example.org', 'ops@example.org'],
      subject: '[db1] VRRP Instance VI_1 - Entering BACKUP state',
    });
    assert.match(second, /Entering MASTER state/);
    await tells('READY=1');
    await tells('STATUS=VI_1 MASTER');
    await tells('WATCHDOG=1');
    await until('the hook to run', () =>
      readFileSync(join(folder, 'environment'), 'latin1').includes('PATH='),
    );
    assert.doesNotMatch(readFileSync(join(folder, 'environment'), 'latin1'), /NOTIFY_SOCKET|WATCHDOG/);

    const heardBefore = ear.heard().length;
    writeFileSync(file, conf(folder, 'bert@example.org'));
    daemon.process.kill('SIGHUP');
    await daemon.says('was read anew');
    await tells(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    await until('the manager to hear that it is ready again', () =>
      ear.heard().slice(heardBefore).includes('READY=1'),
    );

    daemon.process.kill('SIGTERM');
    assert.equal(await daemon.ended, 0, daemon.output);
    await relay.says('[db1] VRRP Instance VI_1 - Stopping');
    assert.match(relay.output, /"bert@example\.org".*Stopping/);
    assert.ok(ear.heard().includes('STOPPING=1'), context());
  });
});
