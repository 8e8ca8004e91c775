// Ours and keepalived with files that do not agree: what keepalived makes of that (two active routers, vrrp.md §8.3)
// cannot be helped, but ours says so.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOSTS } from '../os/hosts.ts';
import { instanceText, IS_BACKUP, Pair, VIRTUAL, type InstanceText } from './one-file-pair.ts';
import { skip, type Router } from './routers.ts';

const SECOND = '10.77.0.101';

interface Disagreement {
  readonly name: string;
  readonly instance: InstanceText;
  /** How ours counts what it drops. */
  readonly drop: 'password' | 'interval' | 'authentication-type' | 'version';
  readonly sentence: string;
}

const DISAGREEMENTS: readonly Disagreement[] = [
  {
    name: 'PASSWORDS',
    instance: {
      versions: [2, 2],
      lines: 'authentication {\n auth_type PASS\n @a auth_pass ours\n @b auth_pass theirs\n }',
    },
    drop: 'password',
    sentence: 'its password is not ours',
  },
  {
    name: 'INTERVALS',
    // Not the other way round: keepalived 2.2.7 puts its next advert off by each one that it drops.
    instance: { versions: [2, 2], lines: '@a advert_int 2' },
    drop: 'interval',
    sentence: 'its interval is 1 s, ours 2 s: make them equal',
  },
  {
    name: 'AUTHENTICATION',
    instance: {
      versions: [2, 2],
      lines: '@b authentication {\n@b auth_type PASS\n@b auth_pass theirs\n@b }',
    },
    drop: 'authentication-type',
    sentence: 'it uses a password, we use no authentication',
  },
  {
    name: 'VERSIONS',
    instance: { versions: [2, 3] },
    drop: 'version',
    sentence: 'version 3, ours is 2',
  },
];

/** Lines of our log that say this of an instance since it became active. */
const linesOf = (router: Router, name: string, sentence: string): number =>
  router.output
    .slice(router.output.indexOf(`${name} is active`))
    .split('\n')
    .filter((line) => line.includes(`${name}: `) && line.includes(sentence)).length;

describe('ours and keepalived disagree', { skip, concurrency: true }, () => {
  it('on passwords, intervals, authentication, versions: both are active, ours counts and says it once', async (t) => {
    const texts = DISAGREEMENTS.map(({ name, instance }, index) =>
      instanceText({
        interval: 1,
        ...instance,
        name,
        virtualRouterId: 51 + index,
        addresses: [`10.77.0.${100 + index}`],
      }),
    );
    const pair = await Pair.make(t, texts.join(''));
    const mine = pair.baton('a');
    pair.keepalived('b');
    for (const index of DISAGREEMENTS.keys()) await pair.isShared({ address: `10.77.0.${100 + index}` });
    for (const { name, drop, sentence } of DISAGREEMENTS) {
      await pair.sees(`two adverts of ${name} to be dropped`, () => {
        const { drops, state } = pair.status('a', name);
        return state === 'active' && drops[drop] >= 2 && linesOf(mine, name, sentence) > 0;
      });
      assert.equal(linesOf(mine, name, sentence), 1, mine.output);
    }
  });

  it('on the addresses: ours is active beside a keepalived that believes nobody, and raises the alarm', async (t) => {
    const pair = await Pair.make(t, instanceText({ addresses: [VIRTUAL, `@a ${SECOND}`] }));
    const mine = pair.baton('a');
    await pair.settles('a');
    pair.keepalived('b');
    await pair.isShared();
    await mine.says(
      `VI_1 second-active ${HOSTS.b.ipv4} (priority 100) is active, too; we are ${HOSTS.a.ipv4} (priority 150)`,
    );
    await mine.says(
      `VI_1 address-list-differs ${HOSTS.b.ipv4} moves [${VIRTUAL}], we [${VIRTUAL}, ${SECOND}]: make them equal`,
    );
  });

  it('on the addresses: ours stays backup under a better keepalived, with a warning', async (t) => {
    const pair = await Pair.make(t, instanceText({ addresses: [VIRTUAL, `@b ${SECOND}`] }));
    pair.keepalived('a');
    await pair.settles('a');
    const mine = pair.baton('b');
    await mine.says(IS_BACKUP);
    await mine.says(
      /VI_1 address-list-differs 10\.77\.0\.1 moves \[10\.77\.0\.100\], we \[10\.77\.0\.100, 10\.77\.0\.101\]/,
    );
    await pair.settles('a', { steadyMs: 1_500 });
    assert.doesNotMatch(mine.output, /is active/);
  });
});
