import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { NotifySocket } from '../../test/harness/notify-socket.ts';
import { ServiceManager } from './service-manager.ts';

function listen(t: TestContext): { readonly ear: NotifySocket; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'baton-'));
  const path = join(folder, 'notify');
  const ear = new NotifySocket(path);
  t.after(() => {
    ear.close();
    rmSync(folder, { recursive: true });
  });
  return { ear, path };
}

it('a service manager hears of a whole life, and of a status once (sd_notify(3))', (t) => {
  const { ear, path } = listen(t);
  const warnings: string[] = [];
  const manager = new ServiceManager((sentence) => warnings.push(sentence), { NOTIFY_SOCKET: path });
  manager.status('VI_1 BACKUP');
  manager.ready();
  manager.status('VI_1 BACKUP');
  manager.status('VI_1 MASTER');
  manager.alive();
  const before = process.hrtime.bigint() / 1000n;
  manager.reloading();
  manager.ready();
  manager.stopping();
  manager.ready();
  const [first, ...rest] = ear.heard();
  assert.equal(first, 'STATUS=VI_1 BACKUP');
  const reloading = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(rest[3] ?? '');
  assert.ok(BigInt(reloading?.[1] ?? 0) >= before, rest[3]);
  assert.deepEqual(rest.toSpliced(3, 1), [
    'READY=1',
    'STATUS=VI_1 MASTER',
    'WATCHDOG=1',
    'READY=1',
    'STOPPING=1',
  ]);
  assert.deepEqual(warnings, []);
});

it('nothing is said where no service manager listens, and its watchdog is not ours', () => {
  const warnings: string[] = [];
  const manager = new ServiceManager((sentence) => warnings.push(sentence), { WATCHDOG_USEC: '1000000' });
  manager.ready();
  assert.deepEqual([manager.watchdogMs, warnings], [null, []]);
});

it('a service manager that cannot be reached is one warning', () => {
  const warnings: string[] = [];
  const environment = { NOTIFY_SOCKET: '/nonexistent/notify', WATCHDOG_USEC: '3000000' };
  const manager = new ServiceManager((sentence) => warnings.push(sentence), environment);
  assert.equal(manager.watchdogMs, 3000);
  manager.ready();
  manager.alive();
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^the service manager does not hear of us: .*\/nonexistent\/notify/);
});

it('a service manager that does not read holds up nobody', (t) => {
  const { path } = listen(t);
  const warnings: string[] = [];
  const manager = new ServiceManager((sentence) => warnings.push(sentence), { NOTIFY_SOCKET: path });
  // More than any queue of datagrams takes.
  for (let count = 0; count < 20_000 && warnings.length === 0; count += 1) manager.alive();
  assert.equal(warnings.length, 1);
});
