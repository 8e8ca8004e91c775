// What the machine gets of a file, and what a check prints of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeCheck, describeProblem } from './describe.ts';
import { instance, load, loaded } from './test-world.ts';
import { toRouters } from './to-routers.ts';

const routers = (text: string, sinceBootMs = 0) => toRouters(loaded(text), { sinceBootMs });

describe('the machine is told', () => {
  it('what the file says, and nothing of where', () => {
    const conf = routers(
      instance(
        'track_script { chk\n}\n# baton: promote_before_advertise timeout 2s\n# baton: track_redis 127.0.0.1:6380\nnotify_master /x.sh',
        'vrrp_script chk { script "redis-cli ping"\nweight 5\n}\n',
      ),
    );
    const [one] = conf.routers;
    assert.equal(one?.addressLifetimeSeconds, 2);
    assert.deepEqual(one?.promoteBeforeAdvertise, { timeoutMs: 2000 });
    assert.deepEqual(one?.tracking, [
      { kind: 'script', name: 'chk', weight: 5, reverse: false },
      { kind: 'redis', name: '127.0.0.1:6380', weight: 0, reverse: false },
    ]);
    assert.deepEqual(conf.scripts, [
      {
        name: 'chk',
        command: { argv: ['/usr/bin/redis-cli', 'ping'], user: null, group: null },
        intervalMs: 1000,
        timeoutMs: 1000,
        rise: 1,
        fall: 1,
        initFail: false,
      },
    ]);
    assert.deepEqual(
      conf.redis.map(({ name, besideScript }) => [name, besideScript]),
      [
        ['127.0.0.1:6379 beside chk', 'chk'],
        ['127.0.0.1:6380', null],
      ],
    );
    assert.equal(one?.unicast, null);
    assert.equal(conf.stopTimeoutMs, 1000);
    assert.equal(conf.mail, null);
  });

  it('where mail goes, if there is a server and somebody to write to (vrrp.md §3.4)', () => {
    const mail = (lines: string) => routers(instance('smtp_alert', `global_defs { ${lines}\n}\n`)).mail;
    const to =
      'notification_email { ops@example.org "Anna B. <anna@example.org>"\nOn Call <call@example.org>\nroot\n}';
    assert.deepEqual(mail(`smtp_server fd77::5 2525\nsmtp_helo_name gate\n${to}`), {
      server: { host: 'fd77::5', port: 2525 },
      helloName: 'gate',
      timeoutMs: 30_000,
      from: 'root@db1.example.org',
      to: ['ops@example.org', 'Anna B. <anna@example.org>', 'On Call <call@example.org>', 'root'],
    });
    assert.equal(mail(to), null);
    assert.equal(mail('smtp_server relay'), null);
  });

  it('which checksum to send (vrrp.md §1.4)', () => {
    const sums = (lines: string) => {
      const [one] = routers(instance(`version 3\nunicast_peer { 10.0.0.12\n}\n${lines}`)).routers;
      return [one?.checksum, one?.adoptOldChecksum];
    };
    assert.deepEqual(sums(''), ['pseudo-header', true]);
    assert.deepEqual(sums('old_unicast_checksum never'), ['pseudo-header', false]);
    assert.deepEqual(sums('old_unicast_checksum'), ['multicast-pseudo-header', false]);
    assert.deepEqual(sums('v3_checksum_as_v2'), ['plain', true]);
    const [multicast] = routers(instance('version 3\nold_unicast_checksum')).routers;
    assert.deepEqual([multicast?.checksum, multicast?.adoptOldChecksum], ['pseudo-header', false]);
  });

  it('to hold still after the machine has booted (vrrp.md §1.12)', () => {
    const text = instance('', 'global_defs { vrrp_startup_delay 3\nvrrp_delay_after_boot 60\n}\n');
    assert.equal(routers(text, 10_000).startupDelayMs, 50_000);
    assert.equal(routers(text, 3_600_000).startupDelayMs, 3000);
  });
});

describe('a check', () => {
  it('says what was understood', () => {
    const text = instance(
      'nopreempt\nauthentication { auth_type PASS\nauth_pass hunter2\n}\ntrack_script { chk\n}\n' +
        'track_interface { eth1 weight -20\n}\nnotify_master "/x.sh -a hunter2" redis\nsmtp_alert\nadvert_int 0.25',
      'global_defs { vrrp_version 2\nsmtp_server 10.0.0.5\nnotification_email { a@example.org\n}\n}\n' +
        'vrrp_script chk { script "redis-cli -p 6380 ping"\ninterval 2\nfall 3\n}\n',
    );
    const result = load(text);
    assert.ok(result.ok);
    const lines = describeCheck(result.value.conf, result.value.warnings);
    assert.deepEqual(lines, [
      'instance VI_1: VRRPv2 router 51 on eth0, priority 100, never preempts, multicast 224.0.0.18, with a password',
      '  adverts every 1 s; takes over 3.609 s after the last advert',
      '  address 10.0.0.100/32 on eth0',
      '  an address outlives this daemon by at most 2.5 s',
      '  tracks script chk: a failure is a fault',
      '  tracks interface eth1: weight -20',
      '  notify_master: /x.sh ... as redis',
      '  sends mail',
      'script chk: /usr/bin/redis-cli ..., every 2 s, timeout 2 s, up after 1, down after 3',
      'redis 127.0.0.1:6380 beside chk: a standing connection, a PING every 2 s, up after 1, down after 3',
      'mail through 10.0.0.5:25 from root@db1.example.org to a@example.org',
      'runs a command as redis (k.conf:23:1): needs root, or CAP_SETUID and CAP_SETGID',
      ...result.value.warnings.flatMap(describeProblem),
    ]);
    assert.deepEqual(describeProblem(result.value.warnings[1] ?? assert.fail()), [
      'k.conf:25:12: warning: version 2 has whole seconds, 1 to 255: advert_int becomes 1 s',
      '    advert_int 0.25',
    ]);
    assert.doesNotMatch(lines.join('\n'), /hunter2/);
  });

  it('says whether mail is ever sent, as real servers do unless they are told not to', () => {
    const mail = (lines: string): string | undefined =>
      describeCheck(
        loaded(
          'global_defs { smtp_server 10.0.0.5\nnotification_email { a@example.org\n}\n}\n' +
            `virtual_server 10.0.0.100 80 {\nreal_server 10.0.0.1 80 {\n${lines}}\n}\n`,
        ),
      ).find((line) => line.startsWith('mail '));
    assert.match(mail('') ?? '', /to a@example\.org$/);
    assert.match(mail('smtp_alert no\n') ?? '', /to a@example\.org: never, nothing has smtp_alert$/);
  });

  it('says for how long two hosts may hold the address after a crash', () => {
    const check = (hasNft: boolean, lines = ''): string[] => {
      const fast = `version 3\nadvert_int 0.1\nunicast_peer { 10.0.0.12\n}\n${lines}`;
      return describeCheck(loaded(instance(fast)), [], hasNft);
    };
    const lifetime = '  an address outlives this daemon by at most 1.5 s';
    const window = 'for up to 1.199 s of it another host may hold it too';
    assert.deepEqual(check(false).slice(0, 4), [
      'instance VI_1: VRRPv3 router 51 on eth0, priority 100, preempts, unicast to 10.0.0.12',
      '  adverts every 0.1 s; takes over 0.361 s after the last advert',
      '  address 10.0.0.100/32 on eth0',
      `${lifetime}; without nft, ${window}`,
    ]);
    const closed = `${lifetime}; ${window}, but the nft guard closes that: this host is silent then`;
    assert.equal(check(true)[3], closed);
    const off = '# baton: guard off';
    assert.equal(check(true, off)[3], `${lifetime}; ${window}, as the guard is off`);
  });
});
