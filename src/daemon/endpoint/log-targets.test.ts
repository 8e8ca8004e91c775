import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { it } from 'node:test';
import { LogTargets, syslogPacket } from './log-targets.ts';

it('writes lines as RFC 3164 has them', () => {
  const at = new Date(2026, 10, 7, 9, 5, 3);
  assert.equal(
    syslogPacket('local2', 5, 'haproxy', 'it\nleads', at),
    `<149>Nov  7 09:05:03 haproxy[${process.pid}]: it leads`,
  );
  assert.equal(syslogPacket('daemon', 4, 'x', 'y'.repeat(5_000), at).length, 1_024);
});

it('sends lines over UDP, and nothing less severe than asked for', async (t) => {
  const receiver = createSocket('udp4');
  t.after(() => receiver.close());
  await new Promise<void>((done) => receiver.bind(0, '127.0.0.1', done));
  const target = {
    to: { kind: 'udp', host: '127.0.0.1', port: receiver.address().port },
    isRaw: false,
    facility: 'local0',
    level: 'notice',
  } as const;
  const log = new LogTargets([target], 'haproxy', assert.fail);
  const received = new Promise<string>((done) =>
    receiver.once('message', (bytes) => done(bytes.toString('latin1'))),
  );
  log.write('verbose', 'not this');
  log.write('warning', 'the primary is gone');
  assert.match(await received, /^<132>.* haproxy\[\d+\]: the primary is gone$/);
});
