import assert from 'node:assert/strict';
import { it } from 'node:test';
import { attribute } from './netlink-message.ts';
import { isRuleOf, rulesQuery } from './nft-rules.ts';

const HEADER = Buffer.from([1, 0, 0, 0]);
const named = (text: string): Buffer => Buffer.concat([HEADER, attribute(1, Buffer.from(text, 'latin1'))]);

it('asks for the rules of one table of the family inet', () => {
  assert.equal(rulesQuery('baton').toString('hex'), '010000000a0001006261746f6e000000');
});

it('tells a rule of the table from those of others, which older kernels send too', () => {
  assert.equal(isRuleOf(named('baton\0'), 'baton'), true);
  assert.equal(isRuleOf(named('baton_2\0'), 'baton'), false);
  assert.equal(isRuleOf(named('bat\0'), 'baton'), false);
  assert.equal(isRuleOf(HEADER, 'baton'), false);
  assert.equal(isRuleOf(Buffer.alloc(0), 'baton'), false);
});
