// The reader as a whole: what a file means, and what is said about one that is wrong.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { describeCheck } from './describe.ts';
import { errors, instance, load, loaded, surroundings, told, warnings, type World } from './test-world.ts';
import { loadKeepalivedConf } from './load.ts';

const first = (text: string, world?: World) => {
  const [one] = loaded(text, world).instances;
  assert.ok(one !== undefined);
  return one;
};

describe('a vrrp_instance', () => {
  it('has keepalived defaults where it says nothing (vrrp.md §2.3)', () => {
    const one = first(
      'vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress { 10.0.0.100 }\n}',
    );
    assert.equal(one.priority, 100);
    assert.equal(one.version, 2);
    assert.equal(one.advertIntervalMs, 1000);
    assert.equal(one.downTimerAdverts, 3);
    assert.equal(one.preempt, true);
    assert.equal(one.wantsMaster, false);
    assert.deepEqual(one.announcing, {
      repeat: 5,
      delayMs: 5000,
      refreshMs: 0,
      refreshRepeat: 1,
      lowerPriorityRepeat: 5,
      lowerPriorityDelayMs: 5000,
      spacingMs: 0,
    });
    assert.deepEqual(one.unicastPeers, []);
    assert.equal(one.sourceAddress, null);
    assert.equal(one.trackSource, true);
    assert.equal(one.multicastGroup, '224.0.0.18');
    assert.equal(one.sendsMail, false);
  });

  it('is read whole from the file of a well-known pair (vrrp.md §2.4)', () => {
    const conf = loaded(`
      ! Configuration File for keepalived
      global_defs { router_id redis_1 }
      vrrp_script chk_redis {
        script "/usr/bin/redis-cli -p 6380 ping"   # every two seconds
        interval 2
        weight -20
        fall 3
      }
      vrrp_instance VI_1
      {
        state BACKUP
        interface eth0
        virtual_router_id 51
        priority 90
        advert_int 1
        authentication { auth_type PASS
          auth_pass 1111
        }
        track_script { chk_redis }
        virtual_ipaddress {
          10.0.0.100/24 dev eth1 label eth1:vip
        }
        notify_master "/etc/keepalived/master.sh 6380"
        notify_backup /etc/keepalived/backup.sh redis
      }`);
    const [one] = conf.instances;
    assert.equal(conf.global.routerId, 'redis_1');
    assert.equal(one?.password, '1111');
    assert.deepEqual(one?.tracking, [{ kind: 'script', name: 'chk_redis', weight: -20, reverse: false }]);
    assert.deepEqual(one?.addresses[0], {
      address: '10.0.0.100',
      prefixLength: 24,
      interface: 'eth1',
      broadcast: null,
      label: 'eth1:vip',
      scope: 0,
      peer: null,
      nodad: false,
      home: false,
      manageTemporary: false,
      noPrefixRoute: false,
      autojoin: false,
      deprecated: false,
      untracked: false,
    });
    assert.deepEqual(one?.hooks.master, {
      argv: ['/etc/keepalived/master.sh', '6380'],
      user: null,
      group: null,
    });
    assert.equal(one?.hooks.backup?.user, 'redis');
    assert.equal(conf.scripts[0]?.timeoutMs, 2000);
    assert.equal(conf.redis[0]?.name, '127.0.0.1:6380 beside chk_redis');
    assert.equal(conf.redis[0]?.fall, 3);
    assert.deepEqual(conf.foreignUsers, [{ user: 'redis', group: null, where: 'k.conf:25:9' }]);
  });

  it('is an owner with state MASTER and no priority (vrrp.md §2.3)', () => {
    const text =
      'vrrp_instance A {\n state MASTER\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { 10.0.0.9 }\n}';
    assert.equal(first(text).priority, 255);
    assert.deepEqual(warnings(text), [
      'k.conf:2:2 vrrp_instance A is state MASTER without a priority, which makes it 255, the owner of the addresses: say priority',
    ]);
  });

  it('takes the first of two versions, as keepalived 2.2.7 does, and says so', () => {
    const text = instance('version 2\nversion 3\nversion 2');
    assert.equal(first(text).version, 2);
    assert.deepEqual(warnings(text), ['k.conf:7:1 version was given before: the first one, 2, counts']);
  });

  it('takes the last of repeated values, but the first state and the first hook (vrrp.md §2.1)', () => {
    const one = first(
      instance(
        'priority 7\nstate MASTER\nstate BACKUP\nnotify /a.sh\nnotify /b.sh\npreempt\nnopreempt\npreempt',
      ),
    );
    assert.equal(one.priority, 7);
    assert.equal(one.wantsMaster, true);
    assert.deepEqual(one.hooks.any?.argv, ['/a.sh']);
    assert.equal(one.preempt, true);
  });

  it('reads unicast with the source check on (vrrp.md §1.6)', () => {
    const one = first(
      instance(
        'unicast_src_ip 10.0.0.11\nunicast_peer {\n10.0.0.12 min_ttl 250\n10.0.0.13\n}\nunicast_ttl 64',
      ),
    );
    assert.deepEqual(one.unicastPeers, [
      { address: '10.0.0.12', ttlMin: 250, ttlMax: 255 },
      { address: '10.0.0.13', ttlMin: 0, ttlMax: 255 },
    ]);
    assert.equal(one.checkUnicastSource, true);
    assert.equal(one.unicastTtl, 64);
    assert.equal(
      first(instance('unicast_peer { 10.0.0.12\n}\ncheck_unicast_src no')).checkUnicastSource,
      false,
    );
  });

  it('has the guard on, unless it or global_defs switch it off', () => {
    const off = 'global_defs {\n# baton: guard off\n}\n';
    assert.equal(first(instance('')).guard, true);
    assert.equal(first(instance('# baton: guard off')).guard, false);
    assert.equal(first(instance('', off)).guard, false);
    assert.equal(first(instance('# baton: guard on', off)).guard, true);
    assert.deepEqual(errors(instance('', 'global_defs {\n# baton: track_redis 127.0.0.1:1\n}\n')), [
      "k.conf:2:10 baton's directive 'track_redis' does not belong in global_defs",
    ]);
  });

  it('finds its interface by unicast_src_ip', () => {
    const one = first(
      'vrrp_instance A {\n virtual_router_id 1\n unicast_src_ip 10.1.0.11\n unicast_peer { 10.1.0.12\n }\n virtual_ipaddress { 10.1.0.9 }\n}',
    );
    assert.equal(one.interface, 'eth1');
  });

  it('reads every option of an address (vrrp.md §2.3, §5)', () => {
    const one = first(
      'vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n' +
        'fe80::1/64 -nodad home mngtmpaddr noprefixroute autojoin no_track scope link\n2001:DB8:0::5\n}\n' +
        'virtual_ipaddress_excluded {\n10.0.0.9/24 brd + peer 10.0.0.10\n10.0.0.8/24 brd 10.0.0.255 preferred_lft 0\n}\n}',
    );
    assert.equal(one.family, 'ipv6');
    assert.equal(one.version, 3);
    const [a, b] = one.addresses;
    assert.deepEqual(
      [
        a?.nodad,
        a?.home,
        a?.manageTemporary,
        a?.noPrefixRoute,
        a?.autojoin,
        a?.untracked,
        a?.scope,
        a?.deprecated,
      ],
      [false, true, true, true, true, true, 253, false],
    );
    assert.deepEqual(
      [b?.address, b?.prefixLength, b?.nodad, b?.deprecated],
      ['2001:db8::5', 128, true, true],
    );
    const [c, d] = one.excludedAddresses;
    assert.deepEqual([c?.broadcast, c?.peer], ['10.0.0.255', '10.0.0.10']);
    assert.deepEqual([d?.broadcast, d?.deprecated], ['10.0.0.255', true]);
  });
});

describe('what is wrong in an instance', () => {
  const cases: readonly (readonly [why: string, lines: string, ...messages: string[]])[] = [
    [
      'a state in the wrong case (vrrp.md §2.1)',
      'state Master',
      "k.conf:6:7 state is MASTER or BACKUP, not 'Master' (did you mean 'MASTER'?; upper and lower case differ)",
    ],
    [
      'a keyword with a slip',
      'prioritty 5',
      "k.conf:6:1 unknown keyword 'prioritty' in vrrp_instance VI_1 (did you mean 'priority'?)",
    ],
    [
      'a keyword in the wrong case',
      'Priority 5',
      "k.conf:6:1 unknown keyword 'Priority' in vrrp_instance VI_1 (did you mean 'priority'?; upper and lower case differ)",
    ],
    [
      'a keyword we do not do',
      'use_vmac',
      "k.conf:6:1 'use_vmac' is not supported: keepalived knows it, baton does not do what it asks",
    ],
    [
      'an unknown block, whose content is skipped',
      'frob {\npriority 9\n}',
      "k.conf:6:1 unknown keyword 'frob' in vrrp_instance VI_1; its whole block is skipped",
    ],
    [
      'a priority out of range',
      'priority 300',
      "k.conf:6:10 'priority' is a whole number of 1 to 255, not '300'",
    ],
    ['a missing value', 'priority', "k.conf:6:1 'priority' takes a whole number"],
    [
      'a time with a unit',
      'garp_master_refresh 5s',
      "k.conf:6:21 'garp_master_refresh' is whole seconds, 0 to 86400, not '5s'",
    ],
    [
      'a boolean that is none',
      'smtp_alert On',
      "k.conf:6:12 'smtp_alert' is on or off (or true, false, yes, no), not 'On'",
    ],
    ['a block that is none', 'track_script chk', "k.conf:6:1 'track_script' is followed by { ... }"],
    ['a block too much', 'priority { 5\n}', "k.conf:6:1 'priority' takes no { ... }"],
    ['an unknown script', 'track_script { chk\n}', "k.conf:6:16 there is no vrrp_script 'chk'"],
    [
      'another interface',
      'interface eth9',
      "k.conf:6:11 there is no interface 'eth9'; there are eth0, eth1 (dynamic_interfaces in global_defs waits for it)",
    ],
    [
      'the loopback interface',
      'interface lo',
      "k.conf:6:11 no adverts can be sent on the loopback interface 'lo'",
    ],
    [
      'mixed families (vrrp.md §2.3)',
      'virtual_ipaddress { fe80::1\n}',
      'k.conf:6:21 fe80::1 is of another family than 10.0.0.100: put it into virtual_ipaddress_excluded',
    ],
    [
      'two addresses on a line',
      'virtual_ipaddress { 10.0.0.1 10.0.0.2\n}',
      "k.conf:6:30 unknown option '10.0.0.2' of the address; addresses stand on lines of their own",
    ],
    [
      'an address that is none',
      'virtual_ipaddress { 10.0.0.256/24\n}',
      "k.conf:6:21 '10.0.0.256/24' is no IP address with or without /prefix-length",
    ],
    [
      'an address twice',
      'virtual_ipaddress { 10.0.0.100/24\n}',
      'k.conf:6:21 10.0.0.100 stands twice in vrrp_instance VI_1',
    ],
    [
      'a peer of the other family',
      'unicast_peer { fe80::2\n}',
      'k.conf:6:16 the peer fe80::2 is of another family than the addresses of vrrp_instance VI_1',
    ],
    [
      'a peer that we are',
      'unicast_src_ip 10.0.0.11\nunicast_peer { 10.0.0.11\n}',
      'k.conf:7:16 the peer 10.0.0.11 is our own unicast_src_ip',
    ],
    [
      'a source that moves',
      'mcast_src_ip 10.0.0.100',
      'k.conf:6:1 10.0.0.100 moves with vrrp_instance VI_1, so it cannot be the source of its adverts',
    ],
    [
      'unicast_fault_no_peer without peers',
      'unicast_fault_no_peer',
      'k.conf:1:15 vrrp_instance VI_1 has no unicast_peer, and unicast_fault_no_peer would keep it in FAULT',
    ],
    ['a script that is missing (vrrp.md §3.3)', 'notify /missing.sh', "k.conf:6:1 there is no '/missing.sh'"],
    [
      'an unquoted command (vrrp.md §2.1)',
      'notify_master /x.sh arg',
      `k.conf:6:1 'arg', the word after the command, is the user to run it as, and there is no such user; if it is an argument, quote the whole command: notify_master "/x.sh arg"`,
    ],
    ['an unknown group of users', 'notify_master /x.sh redis wheel', "k.conf:6:1 there is no group 'wheel'"],
    ['a quote that stays open', 'notify "/x.sh', 'k.conf:6:8 this double quote is not closed'],
    ['a single quote that stays open', "notify '/x.sh", "k.conf:6:1 a quote of 'notify' is not closed"],
    [
      'a weight too large',
      'track_interface { eth1 weight 300\n}',
      "k.conf:6:31 'weight' is a whole number of -253 to 253, not '300'",
    ],
    ['a NUL byte', 'priority\x00 5', 'k.conf:6:9 there is a NUL byte in the line'],
    ['a line too long', `# ${'x'.repeat(1022)}`, 'k.conf:6:1 the line has 1024 bytes; keepalived reads 1023'],
    [
      'AH',
      'authentication { auth_type AH\n}',
      "k.conf:6:28 auth_type 'AH' is not supported: use PASS on both sides",
    ],
    [
      'an unknown directive',
      '# baton: promote_befor_advertise',
      "k.conf:6:10 baton has no directive 'promote_befor_advertise' in vrrp_instance VI_1 (did you mean 'promote_before_advertise'?)",
    ],
    [
      'a directive with an unknown option',
      '# baton: track_redis 127.0.0.1:6379 authfile /f',
      "k.conf:6:37 baton's directive 'track_redis' has no option 'authfile' (did you mean 'auth-file'?)",
    ],
    [
      'a guard that is neither on nor off',
      '# baton: guard maybe',
      "k.conf:6:16 baton's directive 'guard' takes on or off, not 'maybe'",
    ],
    [
      'a directive elsewhere',
      'track_script {\n# baton: track_redis 127.0.0.1:1\n}',
      "k.conf:7:10 baton has no directive 'track_redis' here; they stand inside vrrp_instance, vrrp_sync_group, vrrp_script or global_defs",
    ],
    ['an include that must be there', 'includem other.conf', "k.conf:6:10 there is no file 'other.conf'"],
  ];
  for (const [why, lines, ...messages] of cases) {
    it(`names ${why}`, () => assert.deepEqual(errors(instance(lines)), messages));
  }

  it('tells everything at once, in the order of the lines', () => {
    assert.deepEqual(errors('vrrp_instance A {\n priority x\n}\nfrob\n}\n'), [
      'k.conf:1:15 vrrp_instance A has no virtual_router_id',
      'k.conf:1:15 vrrp_instance A has no interface',
      "k.conf:2:11 'priority' is a whole number of 1 to 255, not 'x'",
      "k.conf:4:1 unknown keyword 'frob'",
      'k.conf:5:1 this } closes nothing',
    ]);
  });

  it('sees where a brace is missing', () => {
    const text =
      'vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { 10.0.0.9\n }\n\nvrrp_instance B {\n}\n';
    assert.deepEqual(errors(text), [
      'k.conf:1:17 this { is not closed',
      "k.conf:7:1 'vrrp_instance' stands inside vrrp_instance A: is a } missing before it?",
    ]);
  });

  it('keeps passwords to itself', () => {
    const result = load(
      instance(
        'authentication { auth_type hunter2\nauth_pas hunter2\nauth_pass=hunter2\nauth_pass\nhunter2\nauth_pass {\n hunter2\n}\n}\n' +
          'notify "redis-cli -a hunter2 missing" x\nnotify redis-cli -a hunter2 ping\n# baton: track_redis 127.0.0.1:1 password hunter2',
        '$KEY=hunter2 "\n',
      ),
    );
    assert.ok(!result.ok && result.problem.length > 5);
    for (const problem of result.problem) {
      assert.doesNotMatch(problem.text, /hunter2/);
      assert.doesNotMatch(problem.sentence, /hunter2/);
    }
  });
});

describe('what an instance is warned of', () => {
  const cases: readonly (readonly [why: string, lines: string, ...messages: string[]])[] = [
    [
      'nopreempt with state MASTER (vrrp.md §1.9)',
      'state MASTER\nnopreempt',
      'k.conf:7:1 nopreempt is ignored with state MASTER: write state BACKUP and a priority below 255',
    ],
    [
      'nopreempt of an owner',
      'priority 255\nnopreempt',
      'k.conf:7:1 nopreempt is ignored with priority 255: write state BACKUP and a priority below 255',
    ],
    [
      'preempt_delay with nopreempt',
      'nopreempt\npreempt_delay 5',
      'k.conf:7:1 preempt_delay is ignored with nopreempt',
    ],
    [
      'preempt_delay with state MASTER',
      'state MASTER\npreempt_delay 5',
      'k.conf:7:1 preempt_delay is ignored with state MASTER',
    ],
    [
      'an interval that version 2 has not (vrrp.md §1.7)',
      'advert_int 0.5',
      'k.conf:6:12 version 2 has whole seconds, 1 to 255: advert_int becomes 1 s',
    ],
    [
      'an interval that version 3 has not',
      'version 3\nadvert_int 0.125',
      'k.conf:7:12 version 3 has steps of 0.01 s, 0.01 to 40.95: advert_int becomes 0.13 s',
    ],
    [
      'authentication in version 3',
      'version 3\nauthentication { auth_type PASS\nauth_pass x\n}',
      'k.conf:7:1 version 3 has no authentication: it is ignored',
    ],
    [
      'a password without a type',
      'authentication { auth_pass x\n}',
      'k.conf:6:1 auth_pass without auth_type PASS: no authentication is used',
    ],
    [
      'a type without a password',
      'authentication { auth_type PASS\n}',
      'k.conf:6:1 auth_type PASS without auth_pass: no authentication is used',
    ],
    [
      'a long password (vrrp.md §1.2)',
      'authentication { auth_type PASS\nauth_pass 123456789\n}',
      'k.conf:7:11 only the first 8 characters of auth_pass count',
    ],
    [
      'unicast without peers',
      'unicast_src_ip 10.0.0.11',
      'k.conf:6:1 unicast_src_ip without any peer in unicast_peer: adverts are multicast',
    ],
    [
      'words too many',
      'priority 100 200',
      "k.conf:6:14 'priority' takes one value; the rest of the line is ignored",
    ],
    [
      'a weight with nopreempt (vrrp.md §7)',
      'nopreempt\ntrack_interface { eth1 weight -20\n}',
      "k.conf:7:19 with nopreempt on both sides the weight -20 of 'eth1' never moves the address: a backup lets any living master be; without a weight a failure is a fault, which does",
    ],
    [
      'a weight of an owner',
      'priority 255\ntrack_interface { eth1 weight -20\n}',
      "k.conf:7:19 the weight -20 of 'eth1' changes nothing: priority 255 has no weights",
    ],
    [
      'a weight at the top',
      'priority 254\ntrack_interface { eth1 weight 20\n}',
      "k.conf:7:19 the weight 20 of 'eth1' changes nothing: the priority 254 cannot become higher",
    ],
    ['an include that is not there', 'include other.conf', "k.conf:6:9 there is no file 'other.conf'"],
    [
      'a promotion without a hook',
      '# baton: promote_before_advertise',
      'k.conf:6:10 vrrp_instance VI_1 has no notify_master that could finish before the adverts',
    ],
  ];
  for (const [why, lines, ...messages] of cases) {
    it(`says ${why}`, () => assert.deepEqual(warnings(instance(lines)), messages));
  }

  it('warns of an IPv6 address that is not link-local first (vrrp.md §1.3)', () => {
    const text =
      'vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { 2001:db8::1\n }\n}';
    assert.deepEqual(warnings(text), [
      'k.conf:4:22 the first IPv6 address should be link-local (fe80::/10), unlike 2001:db8::1 (RFC 9568 §5.2.9)',
    ]);
  });

  it('takes the zeros of sample files without a word (vrrp.md §2.3)', () => {
    assert.deepEqual(
      warnings(instance('', 'global_defs { vrrp_garp_interval 0\nvrrp_gna_interval 0\n}\n')),
      [],
    );
  });
});

describe('several blocks', () => {
  it('may not share a virtual router id on an interface (vrrp.md §1.1)', () => {
    const other = instance().replace('VI_1', 'VI_2').replace('10.0.0.100', '10.0.0.101');
    assert.deepEqual(errors(instance() + other), [
      'k.conf:8:15 virtual_router_id 51 on eth0 is used by vrrp_instance VI_1 (k.conf:1:15) too: each needs its own',
    ]);
    loaded(instance() + other.replace('eth0', 'eth1'));
    loaded(instance() + other.replace('10.0.0.101', 'fe80::1'));
    loaded(instance() + other.replace('priority', 'unicast_peer { 10.0.0.7\n}\npriority'));
  });

  it('may not share a name', () => {
    assert.deepEqual(errors(instance() + instance()), [
      "k.conf:8:15 there is another vrrp_instance 'VI_1' at k.conf:1:15; keepalived skips the second",
    ]);
  });

  it('may not share an address', () => {
    const other = instance().replace('VI_1', 'VI_2').replace('51', '52');
    assert.deepEqual(errors(instance() + other), [
      'k.conf:8:15 10.0.0.100 is an address of vrrp_instance VI_1 (k.conf:1:15) too',
    ]);
  });

  it('track what stands before them (vrrp.md §2.1)', () => {
    const script = 'vrrp_script chk { script "/bin/true"\n}\n';
    loaded(instance('track_script { chk\n}', script));
    assert.deepEqual(errors(instance('track_script { chk\n}') + script), [
      "k.conf:6:16 'chk' is tracked before it is defined: move its vrrp_script further up",
    ]);
    assert.deepEqual(errors(instance('track_script { chk\n}', 'vrrp_script chk { script /missing\n}\n')), [
      "k.conf:1:19 there is no '/missing'",
    ]);
  });

  it('form groups (vrrp.md §1.10)', () => {
    const two =
      instance() + instance().replace('VI_1', 'VI_2').replaceAll('eth0', 'eth1').replace('.100', '.101');
    const conf = loaded(
      `${two}vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n notify_master /x.sh\n track_interface { eth9\n }\n}`,
    );
    assert.deepEqual(conf.groups[0]?.members, ['VI_1', 'VI_2']);
    assert.deepEqual(conf.groups[0]?.hooks.master?.argv, ['/x.sh']);
    assert.deepEqual(
      warnings(`${two}vrrp_sync_group G { group { VI_1\nVI_2\n}\ntrack_interface { eth1\n}\n}`),
      ["k.conf:18:19 'eth1' is tracked by vrrp_instance VI_2 already, whose interface it is"],
    );
    assert.deepEqual(errors(`${two}vrrp_sync_group G { group { VI_3\n VI_2\n }\n}`), [
      "k.conf:15:29 there is no vrrp_instance 'VI_3' (did you mean 'VI_1'?)",
    ]);
    assert.deepEqual(errors(`vrrp_sync_group G { }`), [
      'k.conf:1:17 vrrp_sync_group G has no members: name them in group { ... }',
    ]);
    assert.deepEqual(
      warnings(`${instance('track_interface { eth1 weight 5\n}')}vrrp_sync_group G { group { VI_1\n}\n}`),
      [
        'k.conf:9:17 vrrp_sync_group G has one member: it changes nothing',
        "k.conf:9:17 weights are ignored in a group, so a failure of 'eth1' is a fault; sync_group_tracking_weight makes them count",
      ],
    );
  });

  it('that are not supported are refused, or with leniency named (vrrp.md §9)', () => {
    const text = `${instance()}static_routes {\n 10.0.0.0/8 via 10.0.0.1\n}\nglobal_defs { process_names\n}\nfrob { state MASTER\n}\n`;
    const messages = [
      "k.conf:8:1 'static_routes' is not supported: keepalived knows it, baton does not do what it asks",
      "k.conf:11:15 'process_names' is not supported: keepalived knows it, baton does not do what it asks",
      "k.conf:13:1 unknown keyword 'frob'; its whole block is skipped",
    ];
    assert.deepEqual(errors(text), messages);
    assert.deepEqual(warnings(text, { isLenient: true }), messages);
  });
});

describe('scripts', () => {
  const withScript = (lines: string): string => `vrrp_script chk {\n${lines}\n}\n`;

  it('have keepalived defaults (vrrp.md §1.11)', () => {
    const [script] = loaded(withScript('script "/bin/check -x"')).scripts;
    assert.deepEqual(script, {
      name: 'chk',
      command: { argv: ['/bin/check', '-x'], user: null, group: null },
      intervalMs: 1000,
      timeoutMs: 1000,
      rise: 1,
      fall: 1,
      initFail: false,
      weight: 0,
      reverse: false,
    });
  });

  it('run as their own user, the default user, keepalived_script or the daemon, in this order (vrrp.md §3.3)', () => {
    const user = (text: string, world?: World) => loaded(text, world).scripts[0]?.command.user;
    const plain = withScript('script /x.sh');
    const all = { users: ['root', 'redis', 'keepalived_script'] };
    assert.equal(user(plain), null);
    assert.equal(user(plain, all), 'keepalived_script');
    assert.equal(user(`${plain}global_defs { script_user redis\n}`, all), 'redis');
    assert.equal(user(withScript('user root\nscript /x.sh redis'), all), 'root');
    assert.deepEqual(errors(`${plain}global_defs { enable_script_security\n}`), [
      'k.conf:2:1 enable_script_security is on and there is no user keepalived_script: name one with script_user in global_defs, or make that user',
    ]);
  });

  it('that others could change do not run as root (vrrp.md §3.3)', () => {
    const text = withScript('script /opt/x.sh');
    const said = (paths: World['paths']) => errors(text, { paths: paths ?? {} });
    const hint = ': give it to root, or name another user for the script';
    assert.deepEqual(said({ '/opt/x.sh': { userId: 1000 } }), [
      `k.conf:2:1 '/opt/x.sh' would run as root, and it does not belong to root${hint}`,
    ]);
    assert.deepEqual(said({ '/opt': { mode: 0o777 } }), [
      `k.conf:2:1 '/opt/x.sh' would run as root, and '/opt' can be written by everybody${hint}`,
    ]);
    assert.deepEqual(said({ '/opt': { mode: 0o775, groupId: 5 } }), [
      `k.conf:2:1 '/opt/x.sh' would run as root, and '/opt' can be written by a group other than root${hint}`,
    ]);
    assert.deepEqual(said({ '/opt/x.sh': { mode: 0o644 } }), [
      "k.conf:2:1 '/opt/x.sh' cannot be executed: chmod +x /opt/x.sh",
    ]);
    loaded(text, { paths: { '/opt': { mode: 0o1777 } } });
    loaded(withScript('script /opt/x.sh redis'), { paths: { '/opt': { mode: 0o777 } } });
    loaded(text, { paths: { '/opt': { mode: 0o777 } }, daemonUserId: 1000 });
  });

  it('are looked for in PATH, and </file asks whether it can be read (vrrp.md §1.11)', () => {
    const argv = (line: string) => loaded(withScript(`script ${line}`)).scripts[0]?.command.argv;
    assert.deepEqual(argv('"killall -0 redis-server"'), ['/usr/bin/killall', '-0', 'redis-server']);
    assert.deepEqual(argv('"</run/ok"'), ['/usr/bin/test', '-r', '/run/ok']);
    assert.deepEqual(errors(withScript('script missing')), ["k.conf:2:1 there is no 'missing' in PATH"]);
  });

  it('that log in need an auth-file for the tracker beside them', () => {
    assert.deepEqual(warnings(withScript('script "redis-cli -a hunter2 ping"')), [
      "k.conf:2:1 'chk' logs in at the Redis at 127.0.0.1:6379; for baton's own tracker beside it put the password into a file and add '# baton: track_redis 127.0.0.1:6379 auth-file FILE' to the block",
    ]);
    const text = withScript(
      'script "redis-cli -a x ping"\ninterval 2\nfall 3\n# baton: track_redis [::1]:6380 auth-file /f',
    );
    assert.deepEqual(loaded(text).redis, [
      {
        name: '[::1]:6380 beside chk',
        host: '::1',
        port: 6380,
        authFile: '/f',
        intervalMs: 2000,
        rise: 1,
        fall: 3,
        besideScript: 'chk',
        where: 'k.conf:5:10',
      },
    ]);
  });

  it('are no scripts without a command', () => {
    assert.deepEqual(errors('vrrp_script chk {\n}'), ['k.conf:1:1 vrrp_script chk has no script']);
  });
});

describe('processes and files', () => {
  it('are read with their defaults (vrrp.md §1.11)', () => {
    const conf = loaded(
      'vrrp_track_process p {\n process redis-server "a b"\n param_match initial\n quorum 2\n delay 0.5\n weight 10\n}\n' +
        'track_file f {\n file /run/drain\n init_file 0 overwrite\n}\n' +
        instance('track_process { p\n}\ntrack_file { f weight -1\n}'),
    );
    assert.deepEqual(conf.processes, [
      {
        name: 'p',
        process: 'redis-server',
        parameters: ['a b'],
        parameterMatch: 'initial',
        fullCommand: false,
        quorum: 2,
        quorumMax: Infinity,
        forkDelayMs: 500,
        terminateDelayMs: 500,
        weight: 10,
        reverse: false,
      },
    ]);
    assert.deepEqual(conf.files, [
      { name: 'f', path: '/run/drain', initial: { value: 0, overwrite: true }, weight: 1, reverse: false },
    ]);
    assert.deepEqual(
      conf.instances[0]?.tracking.map(({ kind, weight }) => [kind, weight]),
      [
        ['process', 10],
        ['file', -1],
      ],
    );
  });
});

describe('global_defs', () => {
  it('is what instances inherit, wherever it stands (vrrp.md §2.3)', () => {
    const conf = loaded(
      `${instance()}global_defs {
        notification_email { a@example.org b@example.org
          c@example.org }
        notification_email_from keepalived@example.org
        smtp_server 10.0.0.5 587
        smtp_connect_timeout 10
        smtp_alert
        vrrp_version 3
        vrrp_garp_master_refresh 60
        vrrp_garp_lower_prio_repeat 0
        vrrp_garp_interval 0.001
        vrrp_notify_fifo /run/fifo
        vrrp_notify_fifo_script "/etc/fifo.sh x"
        vrrp_startup_delay 5.5
        umask 022
      }`,
    );
    assert.deepEqual(conf.global.mail, {
      server: { host: '10.0.0.5', port: 587 },
      helloName: 'db1.example.org',
      timeoutMs: 10_000,
      from: 'keepalived@example.org',
      to: ['a@example.org', 'b@example.org', 'c@example.org'],
      tellsFaults: true,
    });
    const [one] = conf.instances;
    assert.equal(one?.version, 3);
    assert.equal(one?.announcing.refreshMs, 60_000);
    assert.equal(one?.announcing.lowerPriorityRepeat, 0);
    assert.equal(one?.announcing.spacingMs, 1);
    assert.equal(one?.sendsMail, true);
    assert.equal(conf.global.fifos[0]?.path, '/run/fifo');
    assert.deepEqual(conf.global.fifos[0]?.script?.argv, ['/etc/fifo.sh', 'x']);
    assert.equal(conf.global.startupDelayMs, 5500);
    assert.equal(conf.global.umask, 0o22);
  });

  it('cannot give hooks more groups than one, and says so in both spellings (vrrp.md §3.3)', () => {
    const sentence = /supplementary groups are not supported: .*; name the group that it needs$/;
    const asking = [
      instance('', 'global_defs { set_supplementary_groups\n}\n'),
      instance('notify_master /x.sh redis :redis'),
    ];
    for (const text of asking) {
      assert.match(errors(text)[0] ?? '', sentence);
      assert.match(warnings(text, { isLenient: true })[0] ?? '', sentence);
    }
  });

  it('lacks what mail needs: everybody who asks for mail is told, once for one place (vrrp.md §3.4)', () => {
    const second =
      'vrrp_instance VI_2 { interface eth1\nvirtual_router_id 52\nvirtual_ipaddress { 10.1.0.1\n}\n';
    const told = (globals: string) =>
      warnings(`${instance('smtp_alert')}${second}}\nglobal_defs { ${globals}\n}\n`);
    const [why, where] = ["'VI_1' asks for mail, and none is sent: there is no", 'in global_defs'];
    assert.deepEqual(told(''), [`k.conf:6:1 ${why} smtp_server and no notification_email ${where}`]);
    assert.deepEqual(told('smtp_server relay'), [`k.conf:6:1 ${why} notification_email ${where}`]);
    assert.deepEqual(told('notification_email { a@b\n}\nsmtp_alert\nsmtp_alert_vrrp off'), [
      `k.conf:6:1 ${why} smtp_server ${where}`,
    ]);
    assert.deepEqual(told('notification_email { a@b\n}\nsmtp_server relay'), []);
    const all = `${instance()}${second}}\nglobal_defs { smtp_alert\n}\n`;
    assert.deepEqual(warnings(all), [
      `k.conf:13:15 every instance and group asks for mail, and none is sent: there is no smtp_server and no notification_email ${where}`,
    ]);
    assert.deepEqual(warnings(instance('smtp_alert off')), []);
  });
});

describe('any bytes', () => {
  const words =
    `vrrp_instance vrrp_script global_defs virtual_server real_server { } " ' \\ $ $A= \${A} @db1 @^x ~SEQ(A,1,3) ~LST(A,1,2)
    include *.conf # ! baton: track_redis promote_before_advertise state MASTER priority 100 interface eth0 \n \n \n 10.0.0.1/24 weight 5 \\\n`.split(
      ' ',
    );
  const soup = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 })), { maxLength: 60 });
  const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => String.fromCharCode(...some));

  it('never throw, and problems are where there is text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          soup.map((some) => some.join(' ')),
          bytes,
        ),
        fc.boolean(),
        (text, isLenient) => {
          const lines = text.split('\n');
          const result = load(text, {
            isLenient,
            files: { '/etc/keepalived/a.conf': '$A=1\ninclude a.conf' },
          });
          for (const problem of result.ok ? result.value.warnings : result.problem) {
            const [, path, line = '0', column = '0'] = /^(.*?)(?::(\d+):(\d+))?$/s.exec(problem.where) ?? [];
            assert.ok(path === 'k.conf' || path === '/etc/keepalived/a.conf', problem.where);
            if (path !== 'k.conf' || line === '0') continue;
            const raw = lines[Number(line) - 1];
            assert.ok(
              raw !== undefined && Number(column) >= 1 && Number(column) <= raw.length + 1,
              problem.where,
            );
          }
          if (result.ok) describeCheck(result.value.conf, result.value.warnings);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('cost little, however hostile', () => {
    const hostile = [
      '{'.repeat(1000) + '\n' + '}'.repeat(1000),
      '$A=$B$B\n$B=$A$A\n$A\n',
      '$A= \\\n$A \\\n$A\n$A\n',
      `${'~SEQ(A,1,60000) '.repeat(3)}x\n`,
      'include a.conf\n'.repeat(100),
      `${'x '.repeat(500)}\n`.repeat(2000),
      '"'.repeat(1023),
      `notify ${"'\\".repeat(500)}`,
    ];
    for (const text of hostile) load(text, { files: { '/etc/keepalived/a.conf': 'include a.conf\n' } });
  });
});

it('names the files it read, for a watcher', () => {
  const source = {
    path: 'k.conf',
    text: 'include /x.conf',
    directory: '/',
    configId: null,
    isLenient: false,
  };
  const result = loadKeepalivedConf(source, surroundings({ files: { '/x.conf': instance() } }));
  assert.ok(result.ok, result.ok ? '' : told(result.problem).join('\n'));
  assert.deepEqual(result.value.conf.paths, ['k.conf', '/x.conf']);
});
