import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Route, RouteServer, Target } from '../../endpoint/route.ts';
import { NatAddress } from './nat-address.ts';

const server = (host: string): RouteServer => ({
  name: host,
  host,
  port: 1,
  weight: 1,
  connectionsMax: null,
});
const place = (host: string): Target => ({ host, port: 1 });

const route = (keeps: readonly Target[], ...servers: readonly RouteServer[]): Route => ({
  endpoint: 'a',
  generation: 1,
  servers,
  balance: 'first',
  deadline: Infinity,
  endsOthers: true,
  keeps,
  because: 'the test says so',
});

const addressOf = (host: string): NatAddress => new NatAddress('a', place(host), () => Promise.resolve(null));

it('tells the kernel of numeric addresses only: a name, or one with a zone, would have it refuse them all', () => {
  for (const [listen, good] of [
    ['10.0.0.100', '10.0.0.1'],
    ['fd00::100', 'fd00::1'],
  ] as const) {
    const address = addressOf(listen);
    const odd = ['redis.example', '/run/redis.sock', 'fe80::1%eth0', 'fe80::1'];
    assert.equal(address.lead(route(odd.map(place), ...odd.map(server), server(good)), true), null);
    assert.deepEqual(
      address.commands('t', 0).filter((command) => command.includes(' : ') || command.includes('{')),
      [
        `add element inet t leads0 { ${Array.from({ length: 12 }, (_, slot) => `${slot} : ${good} . 1`).join(', ')} }`,
        `add element inet t open0 { ${good} . 1 }`,
      ],
    );
  }
});

it('says which server clients cannot be led to, and what to do', () => {
  const said = (listen: string, host: string): string | null =>
    addressOf(listen).lead(route([], server(host)), true);
  assert.match(said('10.0.0.100', 'fd00::1') ?? '', /an address of another family: let the endpoint listen/);
  assert.match(
    said('fd00::100', 'fe80::1%eth0') ?? '',
    /\[fe80::1%eth0\]:1, which is no address that nftables/,
  );
});
