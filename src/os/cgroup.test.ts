import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cgroupFolder, parseCgroupMounts, parseOwnCgroup } from './cgroup.ts';

/** Lines as the kernel writes them on the machines that the names say, cut to what matters. */
const MOUNTINFO = {
  pure: `24 31 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
30 24 0:26 / /proc/sys/fs/binfmt_misc rw,relatime shared:13 - autofs systemd-1 rw,fd=29,pgrp=1,timeout=0
31 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
32 25 0:27 / /sys/kernel/security rw,nosuid,nodev,noexec,relatime shared:8 - securityfs securityfs rw
33 25 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
34 25 0:29 / /sys/fs/bpf rw,nosuid,nodev,noexec,relatime shared:11 - bpf bpf rw,mode=700
`,
  hybrid: `25 31 0:23 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
33 25 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,size=4096k,nr_inodes=1024,mode=755
34 33 0:29 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 cgroup2 rw
35 33 0:30 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd
38 33 0:33 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:15 - cgroup cgroup rw,memory
`,
  legacy: `33 25 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
38 33 0:33 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:15 - cgroup cgroup rw,memory
`,
  // With its own cgroup namespace; and the host's tree, as monitoring agents have it, mounted as well.
  container: `1043 1042 0:28 /../../system.slice/agent.service /host/cgroup ro,nosuid master:9 - cgroup2 cgroup rw
1044 1042 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate
`,
  // Without a cgroup namespace: the tree's names, and a part of it.
  part: `1044 1042 0:28 /docker/abc /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw
`,
  odd: '77 31 0:28 / /mnt/control\\040groups\\134v2 rw,relatime - cgroup2 none rw\n',
};

const find = (named: string | null, machine: keyof typeof MOUNTINFO, own = '0::/\n', isFolder = true) =>
  cgroupFolder(
    named,
    MOUNTINFO[machine],
    () => own,
    () => isFolder,
  );

describe('the cgroup2 tree', () => {
  it('is found on pure and hybrid machines, in containers, and under odd names', () => {
    for (const [machine, folder] of [
      ['pure', '/sys/fs/cgroup'],
      ['hybrid', '/sys/fs/cgroup/unified'],
      ['container', '/sys/fs/cgroup'],
      ['odd', '/mnt/control groups\\v2'],
    ] as const) {
      assert.deepEqual(find(null, machine), { ok: true, value: folder }, machine);
    }
    assert.deepEqual(parseCgroupMounts(MOUNTINFO.container)[0], {
      folder: '/host/cgroup',
      root: '/../../system.slice/agent.service',
    });
  });

  it('is found by its own names where only a part of it is mounted', () => {
    assert.deepEqual(find(null, 'part'), { ok: true, value: '/sys/fs/cgroup' });
    assert.deepEqual(find('self', 'part', '0::/docker/abc/app\n'), { ok: true, value: '/sys/fs/cgroup/app' });
    assert.deepEqual(find('/docker/abc', 'part'), { ok: true, value: '/sys/fs/cgroup' });
    assert.deepEqual(find('/docker/abcd', 'part'), { ok: true, value: '/sys/fs/cgroup/docker/abcd' });
  });

  it('is missed, with what to do, on a machine that has version 1 only', () => {
    const missing = find(null, 'legacy');
    assert.equal(missing.ok, false);
    assert.equal(
      missing.problem.sentence,
      'no cgroup2 file system is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified, or use --path relay',
    );
    assert.deepEqual(parseCgroupMounts(''), []);
  });

  it('takes a folder, a path as /proc/<pid>/cgroup has it, and `self`', () => {
    const hybrid = '12:memory:/user.slice\n1:name=systemd:/user.slice/s.scope\n0::/user.slice/s.scope\n';
    assert.equal(parseOwnCgroup(hybrid), '/user.slice/s.scope');
    assert.equal(parseOwnCgroup('12:memory:/user.slice\n'), null);
    for (const [named, folder] of [
      ['/sys/fs/cgroup/unified/app', '/sys/fs/cgroup/unified/app'],
      ['/app', '/sys/fs/cgroup/unified/app'],
      ['app', '/sys/fs/cgroup/unified/app'],
      ['self', '/sys/fs/cgroup/unified/user.slice/s.scope'],
    ] as const) {
      assert.deepEqual(find(named, 'hybrid', hybrid), { ok: true, value: folder }, named);
    }
    const absent = find('/app', 'pure', '', false);
    assert.ok(!absent.ok);
    assert.equal(
      absent.problem.sentence,
      'there is no cgroup /sys/fs/cgroup/app: name one below /sys/fs/cgroup, as /proc/<pid>/cgroup shows it',
    );
  });
});
