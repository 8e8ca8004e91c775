// Files as people have them: read whole, and what is said about each.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { describeCheck } from './describe.ts';
import { load, told, type World } from './test-world.ts';

const folder = join(process.cwd(), 'src/vrrp/conf/testdata');
const read = (name: string): string => readFileSync(join(folder, name), 'latin1');
const parts = { '/etc/keepalived/parts/scripts.conf': read('parts/scripts.conf') };

/** Name, what a check begins with, and the codes of the warnings. */
const FILES: readonly (readonly [
  name: string,
  firstLine: string,
  codes: readonly string[],
  world?: World,
])[] = [
  [
    'redis-pair.conf',
    'instance VI_1: VRRPv2 router 51 on eth0, priority 100, never preempts, multicast 224.0.0.18, with a password',
    [],
  ],
  [
    'redis-cli-weight.conf',
    'instance VI_REDIS: VRRPv2 router 60 on eth0, priority 110, preempts, multicast 224.0.0.18',
    ['no-mail'],
  ],
  [
    'cloud-unicast.conf',
    'instance cloud: VRRPv3 router 7 on eth0, priority 150, preempts after 10 s, unicast to 10.99.0.12, 10.99.0.13',
    [],
  ],
  [
    'two-faces.conf',
    'instance outside: VRRPv2 router 1 on eth0, priority 100, preempts, multicast 224.0.0.18',
    [],
  ],
  [
    'generated.conf',
    'instance VI_51: VRRPv2 router 51 on eth0, priority 100, never preempts, unicast to 10.99.0.12',
    [],
    { configId: 'a', files: parts },
  ],
  [
    'generated.conf',
    'instance VI_51: VRRPv2 router 51 on eth0, priority 90, preempts, unicast to 10.99.0.11',
    [],
    { configId: 'b', files: parts },
  ],
  [
    'replicas.conf',
    'instance VI_1: VRRPv2 router 51 on eth0, priority 100, preempts, multicast 224.0.0.18',
    [],
  ],
];

describe('files as people have them', () => {
  for (const [name, firstLine, codes, world] of FILES) {
    it(`${name}${world?.configId === undefined ? '' : ` for ${world.configId}`} is understood`, () => {
      const result = load(read(name), world);
      assert.ok(result.ok, result.ok ? '' : told(result.problem).join('\n'));
      assert.deepEqual(
        result.value.warnings.map(({ code }) => code),
        codes,
      );
      assert.equal(describeCheck(result.value.conf)[0], firstLine);
    });
  }

  it('are all tried', () => {
    const all = readdirSync(folder).filter((name) => name.endsWith('.conf'));
    assert.deepEqual(all.sort(), [...new Set(FILES.map(([name]) => name))].sort());
  });
});
