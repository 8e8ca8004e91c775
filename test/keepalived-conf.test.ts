// The real keepalived judges the same files as our reader. What it takes without a word, we take without a word; what
// it complains of, we refuse or warn of. Where we mean to differ, the case says so.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { instance, load, told, type World } from '../src/vrrp/conf/test-world.ts';
import { lacksNetworkNamespaces } from './harness/requirements.ts';

const isInstalled = spawnSync('keepalived', ['--version']).status === 0;
const skip = isInstalled ? lacksNetworkNamespaces() : 'needs keepalived';
const SAMPLES = '/usr/share/doc/keepalived/samples';
const TESTDATA = 'src/vrrp/conf/testdata';
const name = `baton-conf-${process.pid}`;

type Verdict = 'silent' | 'complains';

interface Judgement {
  readonly verdict: Verdict;
  readonly said: string;
}

/** keepalived's, of a file in its folder. */
function keepalivedSays(file: string, configId = 'a'): Judgement {
  const args = ['netns', 'exec', name, 'keepalived', '-t', '-l', '-i', configId, '-f', file];
  const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'latin1' });
  return { verdict: status === 0 ? 'silent' : 'complains', said: `${status}: ${stdout}${stderr}` };
}

/** What only we say: about what baton does not do, and about settings that cannot work but are no mistakes of form. */
const OURS =
  /^(?:not-served|weight-with-nopreempt|weight-in-group|repeated|extra-value|strict|sysctl|undefined-name|no-tls|needs-auth-file|no-mail)$/;

function weSay(text: string, world: World = {}): Judgement {
  const result = load(text, world);
  const problems = result.ok ? result.value.warnings : result.problem;
  const counts = problems.filter(({ code, severity }) => severity === 'error' || !OURS.test(code));
  return { verdict: counts.length === 0 ? 'silent' : 'complains', said: told(problems).join('\n') };
}

/** Scripts that there are, safe for root, so that only the grammar is judged. */
function withRealScripts(text: string): string {
  const scripts = text.replaceAll(
    /\/etc\/keepalived\/scripts\/\w+\.sh|\/usr\/local\/bin\/move-address|\/usr\/bin\/redis-cli/g,
    '/usr/bin/env',
  );
  // A zero here is a complaint of keepalived's that every sample file has, and that we do not repeat.
  return `global_defs {\nenable_script_security\nscript_user root\n}\n${scripts.replaceAll(/^\s*vrrp_g\w+_interval 0$/gm, '')}`;
}

describe('keepalived judges the same files', { skip, concurrency: false }, () => {
  let folder = '';

  before(() => {
    const run = (...args: string[]): void => {
      const { status, stderr } = spawnSync('ip', args, { encoding: 'latin1' });
      assert.equal(status, 0, stderr);
    };
    folder = mkdtempSync(join(tmpdir(), 'baton-conf-'));
    run('netns', 'add', name);
    for (const cable of ['eth0', 'eth1']) {
      run('-n', name, 'link', 'add', cable, 'type', 'veth', 'peer', 'name', `${cable}p`);
      for (const end of [cable, `${cable}p`]) run('-n', name, 'link', 'set', end, 'up');
    }
    run('-n', name, 'address', 'add', '10.0.0.11/24', 'dev', 'eth0');
  });

  after(() => {
    spawnSync('ip', ['netns', 'delete', name]);
    rmSync(folder, { recursive: true, force: true });
  });

  const judgeBoth = (
    text: string,
    world?: World,
  ): { readonly theirs: Judgement; readonly ours: Judgement } => {
    const file = join(folder, 'k.conf');
    writeFileSync(file, text, 'latin1');
    return { theirs: keepalivedSays(file, world?.configId), ours: weSay(text, world) };
  };

  describe('as people have them', () => {
    for (const file of readdirSync(TESTDATA).filter((one) => one.endsWith('.conf'))) {
      it(file, () => {
        cpSync(join(TESTDATA, 'parts'), join(folder, 'parts'), { recursive: true });
        const parts = readFileSync(join(TESTDATA, 'parts/scripts.conf'), 'latin1');
        const files = { '/etc/keepalived/parts/scripts.conf': parts };
        const text = withRealScripts(readFileSync(join(TESTDATA, file), 'latin1'));
        for (const configId of ['a', 'b']) {
          const { theirs, ours } = judgeBoth(text, { configId, files });
          assert.equal(theirs.verdict, 'silent', theirs.said);
          assert.equal(ours.verdict, 'silent', ours.said);
        }
      });
    }
  });

  describe('line by line in an instance', () => {
    /** What both say alike. */
    const alike: readonly (readonly [verdict: Verdict, lines: string])[] = [
      ['silent', 'state BACKUP'],
      ['silent', 'state MASTER'],
      ['complains', 'state Master'],
      ['complains', 'State MASTER'],
      ['complains', 'state MASTER\nnopreempt'],
      ['complains', 'priority 255\nnopreempt'],
      ['complains', 'nopreempt\npreempt_delay 3'],
      ['complains', 'state MASTER\npreempt_delay 3'],
      ['silent', 'preempt_delay 3.5'],
      ['complains', 'preempt_delay 1001'],
      ['complains', 'priority 300'],
      ['complains', 'priority 1x'],
      ['complains', 'virtual_router_id 256'],
      ['complains', 'interface eth9'],
      ['complains', 'interface lo'],
      ['silent', 'advert_int 2'],
      ['complains', 'advert_int 0.5'],
      ['silent', 'version 3\nadvert_int 0.5'],
      ['complains', 'version 4'],
      ['silent', 'version 2\nversion 2'],
      ['silent', 'authentication {\nauth_type PASS\nauth_pass 1111\n}'],
      ['complains', 'authentication {\nauth_type PASS\nauth_pass 123456789\n}'],
      ['complains', 'authentication {\nauth_type PASSWORD\nauth_pass 1\n}'],
      ['complains', 'version 3\nauthentication {\nauth_type PASS\nauth_pass 1111\n}'],
      ['silent', 'virtual_ipaddress_excluded {\nfd00::1/64 dev eth1\n}'],
      ['complains', 'virtual_ipaddress {\nfd00::1/64\n}'],
      ['complains', 'virtual_ipaddress {\n10.0.0.300\n}'],
      ['complains', 'virtual_ipaddress {\n10.0.0.5 scope frob\n}'],
      ['silent', 'virtual_ipaddress {\n10.0.0.5/24 brd + dev eth1 scope link label eth1:1\n}'],
      ['silent', 'unicast_src_ip 10.0.0.11\nunicast_peer {\n10.0.0.12\n}'],
      ['complains', 'unicast_src_ip 10.0.0.11'],
      ['complains', 'unicast_peer {\nfd00::2\n}'],
      ['silent', 'mcast_src_ip 10.0.0.11'],
      ['silent', 'track_interface {\neth1 weight -20\n}'],
      ['complains', 'track_interface {\neth1 weight 300\n}'],
      ['complains', 'track_script {\nnone\n}'],
      ['complains', 'track_interface eth1'],
      ['silent', 'garp_master_delay 5\ngarp_master_repeat 2\ngarp_master_refresh 60'],
      ['complains', 'garp_master_delay 5s'],
      ['silent', 'smtp_alert no'],
      ['complains', 'smtp_alert perhaps'],
      ['complains', 'frobnicate 1'],
      ['complains', '}'],
      ['silent', 'priority 100 # 300\n! frob'],
      ['complains', 'notify "/usr/bin/env'],
      ['complains', 'old_unicast_checksum never'],
      ['silent', 'unicast_peer {\n10.0.0.12\n}\nold_unicast_checksum never'],
      ['silent', 'down_timer_adverts 5'],
      ['complains', 'down_timer_adverts 101'],
      ['silent', '$P=7\npriority $P\npriority ${P}'],
      ['silent', '@a priority 5\n@^a frobnicate'],
      ['complains', '@^b frobnicate'],
    ];
    for (const [verdict, lines] of alike) {
      it(`${JSON.stringify(lines)}: ${verdict === 'silent' ? 'nothing to say' : 'a complaint'}`, () => {
        const { theirs, ours } = judgeBoth(instance(lines), { configId: 'a' });
        assert.equal(theirs.verdict, verdict, theirs.said);
        assert.equal(ours.verdict, verdict, ours.said);
      });
    }

    /** What only we complain of, on purpose. */
    const stricter: readonly (readonly [why: string, lines: string])[] = [
      ['a script that is not there', 'notify_master /missing.sh'],
      ['an unquoted argument', 'notify_master /usr/bin/env argument'],
    ];
    for (const [why, lines] of stricter) {
      it(`we alone refuse ${why}`, () => {
        const { theirs, ours } = judgeBoth(instance(lines));
        assert.equal(theirs.verdict, 'silent', theirs.said);
        assert.equal(ours.verdict, 'complains', ours.said);
      });
    }
  });

  it('its own samples have no word that only one of us knows', () => {
    const samples = readdirSync(SAMPLES).filter(
      (file) => file.startsWith('keepalived.conf') && !file.endsWith('.gz'),
    );
    assert.ok(samples.length > 5);
    for (const sample of samples) {
      const path = join(SAMPLES, sample);
      const result = load(readFileSync(path, 'latin1'), { isLenient: true, interfaces: null });
      const problems = result.ok ? result.value.warnings : result.problem;
      const unknown = problems.filter(({ code }) => /^(?:unknown-|stray-|open-brace)/.test(code));
      const { said } = keepalivedSays(path);
      assert.equal(
        unknown.length > 0,
        /unknown keyword/i.test(said),
        `${sample}\n${said}\n${told(unknown).join('\n')}`,
      );
    }
  });
});
