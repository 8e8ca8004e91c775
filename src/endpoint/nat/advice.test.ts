import assert from 'node:assert/strict';
import { it } from 'node:test';
import { natAdvice } from './advice.ts';

it('says what to do about each way of refusing the rules', () => {
  for (const [refusal, advice] of [
    ['Could not process rule: Operation not supported', /Linux 5\.9/],
    ['Could not process rule: No such file or directory', /modprobe -a nft_chain_nat/],
    ['Unable to initialize Netlink socket: Protocol not supported', /modprobe nf_tables/],
    ['syntax error, unexpected typeof, expecting type', /nft 0\.9\.4/],
  ] as const) {
    assert.match(natAdvice(refusal) ?? '', advice);
    assert.match(natAdvice(refusal) ?? '', /--path relay$/);
  }
  assert.equal(natAdvice('Could not process rule: Operation not permitted'), null);
});
