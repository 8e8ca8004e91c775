import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { NotifySocket } from '../../test/harness/notify-socket.ts';
import { notifyManager, watchdogMs } from './sd-notify.ts';
import { OsError } from './os-error.ts';

/** What a manager that listens at `path` gets. */
function received(path: string, notify: () => void): string {
  const ear = new NotifySocket(path);
  notify();
  const [text = ''] = ear.heard();
  ear.close();
  return text;
}

it('reaches the manager by path and by abstract name', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const path of [join(folder, 'notify'), `@baton-test-${process.pid}`]) {
    const text = received(path, () => {
      assert.equal(notifyManager('READY=1\nSTATUS=äll is well', { NOTIFY_SOCKET: path }), true);
    });
    assert.equal(text, 'READY=1\nSTATUS=äll is well');
  }
});

it('says nothing where nobody listens for it', () => {
  assert.equal(notifyManager('READY=1', {}), false);
  assert.equal(notifyManager('READY=1', { NOTIFY_SOCKET: '' }), false);
  assert.equal(notifyManager('READY=1', { NOTIFY_SOCKET: 'vsock:2:1234' }), false);
  assert.equal(notifyManager('READY=1', { NOTIFY_SOCKET: `/${'x'.repeat(200)}` }), false);
});

it('fails with the path when the manager is gone', () => {
  assert.throws(
    () => notifyManager('READY=1', { NOTIFY_SOCKET: '/nonexistent/notify' }),
    (error) => error instanceof OsError && error.code === 'ENOENT' && error.message.includes('/nonexistent/'),
  );
});

it('knows how often the manager wants to hear of us (sd_watchdog_enabled(3))', () => {
  assert.equal(watchdogMs({ WATCHDOG_USEC: '10000000' }, 7), 10_000);
  assert.equal(watchdogMs({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '7' }, 7), 10_000);
  assert.equal(watchdogMs({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '8' }, 7), null, 'meant for another');
  assert.equal(watchdogMs({}, 7), null);
  assert.equal(watchdogMs({ WATCHDOG_USEC: 'soon' }, 7), null);
});
