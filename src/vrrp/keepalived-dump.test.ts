import assert from 'node:assert/strict';
import { it } from 'node:test';
import { keepalivedDump } from './keepalived-dump.ts';
import { activeStage } from './test-kit.ts';

it("gives state and counts under keepalived's names (vrrp.md §1.12)", () => {
  const stage = activeStage();
  stage.hear({ password: 'x' });
  stage.hear({ priority: 150 });
  stage.pass(1000);
  const dump = keepalivedDump(stage.conf, stage.vrrp.snapshot(stage.now), 1_700_000_001_000);
  const [entry] = JSON.parse(JSON.stringify(dump)) as typeof dump;
  assert.equal(entry?.data['iname'], 'VI_1');
  assert.equal(entry.data['state'], 1);
  assert.equal(entry.data['master_priority'], 150);
  assert.equal(entry.data['adver_int'], 1_000_000);
  assert.equal(entry.data['vipset'], false);
  assert.equal(entry.data['last_transition'], 1_700_000_000);
  assert.deepEqual(entry.data['vips'], ['10.99.0.100/32']);
  assert.equal(entry.stats['become_master'], 1);
  assert.equal(entry.stats['release_master'], 1);
  assert.equal(entry.stats['authtype_mismatch'], 1);
  assert.equal(entry.stats['advert_sent'], 7);
  assert.equal(entry.stats['advert_rcvd'], 2);
});
