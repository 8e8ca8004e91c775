// Transactions of a real nft, in a network namespace of their own.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findNft } from '../../src/os/nft.ts';
import { skip, startHosts } from './hosts.ts';

interface Answer {
  readonly ok: boolean;
  readonly problem?: { code: string; sentence: string };
}

describe('nft', { skip: skip || (findNft() === null ? 'needs nftables' : false) }, () => {
  it('applies a transaction whole or not at all, and tells why', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    const apply = (...commands: readonly string[]): Promise<Answer> => agent.ask('nft', commands);
    const table = ['add table inet t', 'add set inet t held { type ipv4_addr; flags timeout; }'];
    assert.deepEqual(await apply(...table), { ok: true, value: null });

    const refused = await apply('add table inet u', 'delete table inet nonesuch');
    assert.equal(refused.problem?.code, 'nft-refused');
    assert.match(refused.problem.sentence, /^nft refused: .*No such file or directory$/);
    const nonsense = await apply('make me a sandwich');
    assert.match(nonsense.problem?.sentence ?? '', /^nft refused: ./);
    assert.doesNotMatch(a.run('nft', 'list', 'tables'), /inet u/);
  });

  it('refreshes an element that ends by itself, hundreds of times and in order', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    await agent.ask('nft', ['add table inet t', 'add set inet t held { type ipv4_addr; flags timeout; }']);
    const startedAtMs = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, count) =>
        agent.ask<Answer>('nft', [
          'flush set inet t held',
          `add element inet t held { 10.77.0.${count % 200} timeout 30s }`,
        ]),
      ),
    );
    t.diagnostic(`${((performance.now() - startedAtMs) / 300).toFixed(2)} ms each`);
    assert.ok(answers.every(({ ok }) => ok));
    assert.match(a.run('nft', 'list', 'set', 'inet', 't', 'held'), /elements = \{ 10\.77\.0\.99 timeout/);
  });
});
