// Three hosts at one switch: the two of test/os/hosts.ts, and one that watches who answers.

import { spawnSync } from 'node:child_process';
import { Host, HOSTS, LINK, run, type Cleanup } from '../os/hosts.ts';

const WATCHER = { ipv4: '10.77.0.3', ipv6: 'fd77::3', mac: '02:00:00:00:77:03' };

let count = 0;

export interface ThreeHosts {
  readonly a: Host;
  readonly b: Host;
  /** Has no part in anything. */
  readonly watcher: Host;
}

export function startThreeHosts(test: Cleanup): ThreeHosts {
  const id = `baton-three-${process.pid}-${++count}`;
  const names = ['hub', 'a', 'b', 'c'].map((name) => `${id}-${name}`);
  const [hub = '', ...hosts] = names;
  test.after(() => {
    for (const name of names) spawnSync('ip', ['netns', 'delete', name]);
  });
  for (const name of names) {
    run('ip', 'netns', 'add', name);
    // IPv6 addresses are usable at once.
    const dadOff = 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad';
    run('ip', 'netns', 'exec', name, 'sh', '-c', dadOff);
  }
  run('ip', '-n', hub, 'link', 'add', 'bridge0', 'type', 'bridge');
  run('ip', '-n', hub, 'link', 'set', 'bridge0', 'up');
  for (const [index, { ipv4, ipv6, mac }] of [HOSTS.a, HOSTS.b, WATCHER].entries()) {
    const host = hosts[index] ?? '';
    const port = `port${index}`;
    run('ip', '-n', host, 'link', 'add', LINK, 'type', 'veth', 'peer', 'name', port, 'netns', hub);
    run('ip', '-n', hub, 'link', 'set', port, 'master', 'bridge0', 'up');
    run('ip', '-n', host, 'link', 'set', LINK, 'address', mac);
    run('ip', '-n', host, 'address', 'add', `${ipv4}/24`, 'dev', LINK);
    run('ip', '-n', host, 'address', 'add', `${ipv6}/64`, 'dev', LINK, 'nodad');
    run('ip', '-n', host, 'link', 'set', 'lo', 'up');
    run('ip', '-n', host, 'link', 'set', LINK, 'up');
  }
  const [a = '', b = '', c = ''] = hosts;
  return { a: new Host(a), b: new Host(b), watcher: new Host(c) };
}
