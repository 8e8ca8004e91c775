// SIGHUP to either half of a pair of ours and keepalived: addresses and open connections stay, and only what the file
// changed changes.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { pause } from '../harness/wait.ts';
import type { Agent } from '../os/hosts.ts';
import {
  instanceText,
  IS_BACKUP,
  Pair,
  VIRTUAL,
  VIRTUAL_IPV6,
  type InstanceText,
  type Side,
} from './one-file-pair.ts';
import { Keepalived, skip, type Router } from './routers.ts';

/** Longer than either side waits for adverts every 0.3 s. */
const HEARD = { steadyMs: 1_500 };
const SECOND = '10.77.0.101';
const PORT = 7001;
/** With adverts this fast an address lives one second after its last refresh. */
const TWO_LIFETIMES_MS = 2_500;

/** SIGHUP, and the word that all was read. */
async function reload(pair: Pair, router: Router): Promise<void> {
  const word = router instanceof Keepalived ? 'Reload complete' : 'was read anew';
  const count = (): number => router.output.split(word).length;
  const before = count();
  router.process.kill('SIGHUP');
  await pair.sees(word, () => count() > before);
}

/** One instance for each family; `lines` are the first one's. */
const bothFamilies = ({ lines = '', ...given }: InstanceText): string =>
  instanceText({ ...given, name: 'VI_4', lines }) +
  instanceText({ ...given, name: 'VI_6', addresses: [VIRTUAL_IPV6] });

const excluding = (address: string): string => `virtual_ipaddress_excluded {\n ${address}\n }`;

async function startClient(t: TestContext, pair: Pair, address: string): Promise<Agent> {
  const client = await pair.lan.c.agent(t);
  await client.ask('connect', address, PORT);
  return client;
}

/** Data goes there and back for more than two lifetimes of the address. */
async function converse(clients: readonly Agent[]): Promise<void> {
  for (const client of clients) {
    const before = await client.ask<number>('echoed');
    await pause(TWO_LIFETIMES_MS / clients.length);
    const after = await client.ask<number>('echoed');
    assert.ok(after > before, `no data came back, after ${before} bytes`);
    assert.deepEqual(client.told('connection-closed'), []);
  }
}

describe('a reload', { skip, concurrency: true }, () => {
  it('of either side leaves addresses and connections through ours as they are', async (t) => {
    const pair = await Pair.make(t, bothFamilies({}));
    const addresses = [VIRTUAL, VIRTUAL_IPV6];
    const mine = pair.baton('a');
    for (const address of addresses) await pair.settles('a', { address });
    const other = pair.keepalived('b');
    await other.says(/VI_6\) Entering BACKUP STATE/);
    const server = await pair.lan.a.agent(t);
    for (const address of addresses) await server.ask('listen', address, PORT);
    const clients = await Promise.all(addresses.map((address) => startClient(t, pair, address)));
    await converse(clients);

    await reload(pair, mine);
    await reload(pair, other);
    await converse(clients);

    pair.write(bothFamilies({ lines: excluding(SECOND) }));
    await reload(pair, mine);
    await pair.settles('a', { address: SECOND });
    await reload(pair, other);
    await converse(clients);

    pair.write(bothFamilies({ priorities: [200, 100] }));
    await reload(pair, mine);
    assert.equal(pair.status('a', 'VI_4').effectivePriority, 200);
    await pair.sees('the second address to be removed', () => !pair.ledgers.a.holds(SECOND));
    await converse(clients);
    for (const address of addresses) assert.equal(pair.ledgers.a.losses(address), 0, address);
    await pair.sees('both to be said once', () => mine.output.match(/is active/g)?.length === 2);

    // And what it asks for happens: the other is the better one now.
    pair.write(bothFamilies({ priorities: [50, 100] }));
    await reload(pair, mine);
    for (const address of addresses) await pair.settles('b', { address, ...HEARD });
  });

  it('of an active keepalived changes nothing for ours, nor does ours for it', async (t) => {
    const pair = await Pair.make(t, instanceText());
    const other = pair.keepalived('a');
    await pair.settles('a');
    const mine = pair.baton('b');
    await mine.says(IS_BACKUP);
    for (const router of [other, mine, other]) await reload(pair, router);
    await pair.settles('a', HEARD);
    assert.doesNotMatch(mine.output, /is active/);

    // A list that only one of them has for a moment makes no second active router of ours.
    pair.write(instanceText({ addresses: [VIRTUAL, SECOND] }));
    await reload(pair, other);
    await mine.says('address-list-differs');
    await reload(pair, mine);
    await pair.settles('a', { address: SECOND, ...HEARD });
    assert.doesNotMatch(mine.output, /is active/);
    assert.equal(pair.ledgers.a.losses(VIRTUAL), 0);

    pair.write(instanceText({ priorities: [150, 200] }));
    await reload(pair, other);
    await reload(pair, mine);
    await pair.settles('b', HEARD);
    await pair.sees('the second address to be nowhere', () =>
      (['a', 'b'] satisfies Side[]).every((side) => !pair.ledgers[side].holds(SECOND)),
    );
  });
});
