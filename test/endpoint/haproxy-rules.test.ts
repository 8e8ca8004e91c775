// Rules of a haproxy.cfg on who may come and where clients are led, decided by HAProxy and by us side by side.

import { describe, it } from 'node:test';
import { lacksHaproxy } from '../harness/requirements.ts';
import { answers, assertAnswers, DEFAULTS, NamedServer, startBoth } from './beside-haproxy.ts';

describe('rules that HAProxy and we decide alike', { skip: lacksHaproxy() }, () => {
  it('leads clients by conditions on both ends of a connection, and on how servers fare', async (t) => {
    const [main, o1, o2, o3, sorry] = (await Promise.all(
      ['main', 'o1', 'o2', 'o3', 'sorry'].map((name) => NamedServer.start(t, name)),
    )) as [NamedServer, NamedServer, NamedServer, NamedServer, NamedServer];
    const server = ({ name, port }: NamedServer, more = ''): string =>
      `    server ${name} 127.0.0.1:${port} check ${more}`;
    const programs = await startBoth(
      t,
      3,
      ([first, second, third]) => `${DEFAULTS}
frontend ft_main
    bind 127.0.0.1:${first}
    bind 127.0.0.1:${second}
    acl dead nbsrv(bk_main) lt 1
    acl second dst_port ${second}
    tcp-request connection accept if { src 127.0.0.8 }
    tcp-request connection reject if { src 127.0.0.9 }
    tcp-request content reject if second { src 127.0.0.8 }
    use_backend bk_sorry if dead !second
    use_backend bk_other if second !{ src 127.0.0.7 } or { src 127.0.0.6 }
    default_backend bk_main

frontend ft_some
    bind 127.0.0.1:${third}
    use_backend bk_other if { srv_is_up(bk_main/main) }

backend bk_main
${server(main)}

backend bk_other
    balance first
    tcp-request content reject if { src 127.0.0.5 }
    use-server o2 if { src 127.0.0.4 } { srv_is_up(o2) }
    use-server o3 unless !{ src 127.0.0.3 }
${server(o1)}
${server(o2)}
${server(o3, 'backup')}

backend bk_sorry
${server(sorry)}
`,
    );
    const toSecond: readonly (readonly [string, string])[] = [
      ['127.0.0.1', 'o1'],
      ['127.0.0.3', 'o3'],
      ['127.0.0.4', 'o2'],
      ['127.0.0.5', ''],
      ['127.0.0.7', 'main'],
      ['127.0.0.8', ''],
      ['127.0.0.9', ''],
    ];
    const toFirst: readonly (readonly [string, string])[] = [
      ['127.0.0.1', 'main'],
      ['127.0.0.6', 'o1'],
      ['127.0.0.8', 'main'],
      ['127.0.0.9', ''],
    ];
    for (const at of [0, 2]) await answers(programs, at, at === 0 ? 'main' : 'o1');
    await answers(programs, 1, 'o3', '127.0.0.3');
    await answers(programs, 1, 'o2', '127.0.0.4');
    for (const [from, expected] of toFirst) await assertAnswers(programs, 0, [expected], from);
    for (const [from, expected] of toSecond) await assertAnswers(programs, 1, [expected], from);

    await main.stop();
    await o2.stop();
    await answers(programs, 0, 'sorry');
    await answers(programs, 2, '');
    // A rule that names a server which is down is passed over.
    await answers(programs, 1, 'o1', '127.0.0.4');
    await main.start();
    await answers(programs, 0, 'main');
    await answers(programs, 2, 'o1');
  });
});
