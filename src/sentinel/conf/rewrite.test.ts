import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failure } from '../../base/result.ts';
import type { HostPort, KnownSentinel, MasterConf, SentinelConf, ServerConf } from './conf.ts';
import { defaultMaster, defaultServer } from './defaults.ts';
import { loadConf, type Surroundings } from './load.ts';
import { MARKER, rewriteConf } from './rewrite.ts';

const SURROUNDINGS: Surroundings = {
  workingDirectory: '/cwd',
  readInclude: () => failure('no such file'),
  isExecutable: () => true,
  isDirectory: () => true,
};
const NOTHING_INCLUDED = { included: new Set<string>() };
const ID = 'a'.repeat(40);
const DEFAULT_USER = 'default on nopass sanitize-payload ~* &* +@all';

function load(text: string, surroundings = SURROUNDINGS) {
  const result = loadConf({ path: 'sentinel.conf', text, extraLines: [] }, surroundings);
  assert.ok(
    result.ok,
    result.ok ? '' : `${result.problem.map((one) => `${one.where} ${one.sentence}`).join('\n')}\n${text}`,
  );
  return result.value;
}

const rewrite = (text: string | null, state: SentinelConf): string =>
  rewriteConf(text, state, NOTHING_INCLUDED);

/** The state that a file with these lines has after a first start. */
function started(text: string): SentinelConf {
  const { conf } = load(text);
  return { ...conf, myId: ID, server: { ...conf.server, users: [DEFAULT_USER] } };
}

function withMaster(state: SentinelConf, change: Partial<MasterConf>): SentinelConf {
  return { ...state, masters: state.masters.map((master) => ({ ...master, ...change })) };
}

const MONITOR = 'sentinel monitor m1 10.0.0.1 6379 2';

describe('rewriting sentinel.conf', () => {
  it('appends what a fresh file lacks, after the marker (sentinel.md §2.5)', () => {
    const text = `# my sentinel\nport 26380\n${MONITOR}\n`;
    assert.equal(
      rewrite(text, started(text)),
      [
        '# my sentinel',
        'port 26380',
        MONITOR,
        '',
        MARKER,
        'dir "/cwd"',
        'latency-tracking-info-percentiles 50 99 99.9',
        'protected-mode no',
        `user ${DEFAULT_USER}`,
        `sentinel myid ${ID}`,
        'sentinel config-epoch m1 0',
        'sentinel leader-epoch m1 0',
        'sentinel current-epoch 0',
        '',
      ].join('\n'),
    );
  });

  it('makes a missing file anew, port included (sentinel.md §2.5)', () => {
    const state = started(MONITOR);
    const text = rewrite(null, state);
    assert.ok(text.startsWith(`${MARKER}\ndir "/cwd"\n`));
    assert.match(text, /^port 26379$/m);
    assert.deepEqual(load(text).conf, state);
  });

  it('replaces a line where it stands and keeps comments and what it does not set', () => {
    const text = [
      '# leading   comment',
      '',
      'include common.conf',
      'Port   26379',
      '# about m1',
      'SENTINEL Monitor m1 "10.0.0.1" 6379 2',
      'sentinel known-slave m1 10.0.0.2 6379',
      '  maxmemory 1gb  # not a comment ',
      '# tail',
      '',
    ].join('\n');
    const state = withMaster(
      started(text.replace('include common.conf', '').replace('# not a comment', '')),
      {
        host: '10.0.0.2',
        knownReplicas: [{ host: '10.0.0.1', port: 6379 }],
      },
    );
    const lines = rewrite(text, state).split('\n');
    assert.deepEqual(lines.slice(0, 9), [
      '# leading   comment',
      '',
      'include common.conf',
      'port 26379',
      '# about m1',
      'sentinel monitor m1 10.0.0.2 6379 2',
      'sentinel known-replica m1 10.0.0.1 6379',
      'maxmemory 1gb  # not a comment',
      '# tail',
    ]);
  });

  it('blanks leftovers and collapses blank lines (sentinel.md §2.5)', () => {
    const text =
      '\n\n# a\nsave 900 1\nloadmodule /x\nsentinel down-after-milliseconds m1 30000\nsentinel monitor m2 10.0.0.2 1 1\n' +
      `sentinel auth-pass m2 x\n# b\nport 1\nport 26379\n${MONITOR}\nsentinel announce-port 0\nuser bob on\n`;
    const { masters, ...rest } = started(text);
    const rewritten = rewrite(text, { ...rest, masters: masters.filter((master) => master.name === 'm1') });
    assert.ok(rewritten.startsWith(`\n# a\n\n# b\nport 26379\n\n${MONITOR}\n\nuser default on`), rewritten);
    assert.ok(!rewritten.includes('\n\n\n'));
    assert.ok(!rewritten.includes('m2'));
  });

  it('turns what is no directive into a comment (sentinel.md §2.5)', () => {
    const state = started(MONITOR);
    const rewritten = rewrite(
      `module.option  1\nfoo\nsentinel foo m1\nport "1\n# ??? bar\nsentinel\nlua-replicate-commands yes\n`,
      state,
    );
    assert.ok(
      rewritten.startsWith(
        '# ??? module.option  1\n# ??? foo\n# ??? sentinel foo m1\n# ??? port "1\n# ??? bar\nsentinel\n# ??? lua-replicate-commands yes\n',
      ),
      rewritten,
    );
    assert.equal(rewrite(rewritten, state), rewritten);
  });

  it('keeps flags that are in the file, and values that are not the default', () => {
    const text = `${MONITOR}\nsentinel deny-scripts-reconfig yes\nsentinel resolve-hostnames no\nloglevel notice\nlogfile ""\n`;
    const state = { ...started(text), denyScriptsReconfig: false, announceHostnames: true };
    const rewritten = rewrite(text, {
      ...state,
      server: { ...state.server, logLevel: 'debug', timeoutSeconds: 5 },
    });
    for (const line of [
      'sentinel deny-scripts-reconfig no',
      'sentinel resolve-hostnames no',
      'loglevel debug',
      'logfile ""',
      'timeout 5',
      'sentinel announce-hostnames yes',
    ]) {
      assert.ok(rewritten.split('\n').includes(line), `${line}\n${rewritten}`);
    }
    assert.ok(!rewritten.includes('tcp-backlog'));
  });

  it('quotes what would not be read back as it is (sentinel.md §2.5, §12.16)', () => {
    const state = withMaster(started(MONITOR), {
      authPass: `a b"'\\\n\0\xff`,
      authUser: 'x y',
      notificationScript: '/my scripts/n.sh',
      renamedCommands: new Map([['config', '']]),
    });
    const rewritten = rewrite(null, state);
    assert.match(rewritten, /^sentinel auth-pass m1 "a b\\"'\\\\\\n\\x00\\xff"$/m);
    assert.deepEqual(load(rewritten).conf, state);
  });

  it('never writes an address without a host (sentinel.md §2.5)', () => {
    assert.throws(() => rewrite(null, withMaster(started(MONITOR), { host: '' })), /has a host/);
    const replicas = [
      { host: 'A.local', port: 1 },
      { host: 'a.local', port: 1 },
    ];
    const state = { ...withMaster(started(MONITOR), { knownReplicas: replicas }), resolveHostnames: true };
    assert.equal(load(rewrite(null, state)).conf.masters[0]?.knownReplicas.length, 1);
  });

  it('leaves users to the aclfile if there is one', () => {
    const state = started(MONITOR);
    const rewritten = rewrite(`user a on\n`, { ...state, server: { ...state.server, aclFile: '/a' } });
    assert.ok(!/^user /m.test(rewritten));
    assert.match(rewritten, /^aclfile "\/a"$/m);
  });

  it("keeps Valkey's spelling, and the case that a command was last given in", () => {
    const text = `${MONITOR}\nsentinel primary-reboot-down-after-period m1 5\nsentinel rename-command m1 CONFIG x$1\n`;
    const rewritten = rewrite(text, withMaster(started(text), { masterRebootDownAfterMs: 6 }));
    assert.match(rewritten, /^sentinel primary-reboot-down-after-period m1 6$/m);
    assert.match(rewritten, /^sentinel rename-command m1 CONFIG x\$1$/m);
    const renamed = withMaster(started(text), { renamedCommands: new Map([['Config', 'y']]) });
    assert.match(rewrite(text, renamed), /^sentinel rename-command m1 Config y$/m);
    assert.doesNotMatch(rewrite(text, renamed), /m1 CONFIG/);
  });

  it('keeps each master by its own comments', () => {
    const text = `# one\n${MONITOR}\n# two\nsentinel monitor m2 10.0.0.2 1 1\n`;
    const state = started(text);
    const rewritten = rewrite(text, { ...state, masters: state.masters.toReversed() });
    assert.ok(rewritten.startsWith(text));
  });

  it('does not repeat what an included file says, so that any sentinel can read the file again', () => {
    const included = `${MONITOR}\nsentinel known-slave m1 10.0.0.2 1\nsentinel rename-command m1 CONFIG x\nuser ${DEFAULT_USER}\nport 5`;
    const surroundings: Surroundings = {
      ...SURROUNDINGS,
      readInclude: () => ({ ok: true, value: [{ path: 'i', text: included }] }),
    };
    const before = load('include i\n', surroundings);
    const rewritten = rewriteConf('include i\n', before.conf, before);
    assert.ok(!/monitor|known|rename|user|port/.test(rewritten), rewritten);
    const moved = withMaster(before.conf, { host: '10.0.0.2' });
    const after = rewriteConf('include i\n', moved, before);
    assert.match(after, /^sentinel monitor m1 10\.0\.0\.2 6379 2$/m);
    assert.equal(load(after, surroundings).conf.masters[0]?.host, '10.0.0.2');
  });

  it('gives back any configuration, and changes nothing the second time', () => {
    fc.assert(
      fc.property(configurations, fc.option(oldFiles), (state, old) => {
        const text = rewrite(old, state);
        const { conf } = load(text);
        // A clone has plain prototypes, which fast-check's records do not.
        assert.deepEqual(structuredClone(sorted(conf)), structuredClone(sorted(state)));
        assert.equal(rewrite(text, state), text);
        const comments = (old ?? '').split('\n').filter((line) => line.startsWith('#'));
        assert.deepEqual(
          text.split('\n').filter((line) => comments.includes(line) && line !== MARKER),
          comments.filter((line) => line !== MARKER),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('never throws on what is in the file', () => {
    const state = started(MONITOR);
    const bytes = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 300,
    });
    fc.assert(
      fc.property(bytes, (old) => {
        const text = rewrite(old, state);
        assert.equal(rewrite(text, state), text);
        load(text);
      }),
      { numRuns: 1000 },
    );
  });
});

/** In an order that doesn't depend on where lines stood in the file. */
function sorted(state: SentinelConf): SentinelConf {
  const by = <Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] =>
    items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return {
    ...state,
    server: { ...state.server, users: by(state.server.users, (user) => user) },
    masters: by(state.masters, (master) => master.name).map((master) => ({
      ...master,
      knownReplicas: by(master.knownReplicas, (one) => `${one.host}:${one.port}`),
      knownSentinels: by(master.knownSentinels, (one) => one.runId),
      renamedCommands: new Map(by([...master.renamedCommands], ([command]) => command)),
    })),
  };
}

const byteString = (maxLength: number) =>
  fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength,
  });
const port = fc.integer({ min: 0, max: 65535 });
const host = fc.oneof(fc.ipV4(), fc.domain());
const epoch = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const optional = fc.option(byteString(12));
const positive = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const runId = fc.string({
  unit: fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16)),
  minLength: 40,
  maxLength: 40,
});
const address: fc.Arbitrary<HostPort> = fc.record({ host, port });
const sentinel: fc.Arbitrary<KnownSentinel> = fc.record({ host, port, runId });
const master: fc.Arbitrary<MasterConf> = fc.record({
  name: fc.string({ unit: fc.constantFrom('a', 'b', 'm', '1', '.', '_', '-'), minLength: 1, maxLength: 4 }),
  host,
  port,
  quorum: positive,
  downAfterMs: fc.oneof(fc.constant(30_000), positive),
  failoverTimeoutMs: positive,
  parallelSyncs: fc.oneof(fc.constant(1), positive),
  notificationScript: optional,
  clientReconfigScript: optional,
  authPass: optional,
  authUser: optional,
  masterRebootDownAfterMs: fc.nat(),
  renamedCommands: fc
    .uniqueArray(fc.tuple(fc.constantFrom('config', 'ping', 'slaveof'), byteString(5)), {
      selector: ([command]) => command,
    })
    .map((entries) => new Map(entries)),
  configEpoch: epoch,
  leaderEpoch: epoch,
  knownReplicas: fc.uniqueArray(address, {
    selector: (one) => `${one.host.toLowerCase()}:${one.port}`,
    maxLength: 4,
  }),
  knownSentinels: fc.uniqueArray(sentinel, { selector: (one) => one.runId, maxLength: 4 }),
});
const server: fc.Arbitrary<ServerConf> = fc
  .record({
    port,
    bind: fc.array(fc.constantFrom('127.0.0.1', '-::1', '*'), { maxLength: 3 }),
    timeoutSeconds: fc.nat(),
    logLevel: fc.constantFrom('debug', 'notice', 'nothing'),
    logFile: fc.oneof(fc.constant(''), byteString(10)),
    unixSocket: optional,
    unixSocketPerm: fc.option(fc.integer({ min: 1, max: 0o777 })),
    requirePass: optional,
    protectedMode: fc.boolean(),
    users: fc.constantFrom([], [DEFAULT_USER], ['bob off ~* -@all', DEFAULT_USER]),
    pubsubOutputLimit: fc.record({ hardBytes: fc.nat(), softBytes: fc.nat(), softSeconds: fc.nat() }),
  })
  .map((some) => ({ ...defaultServer('/cwd'), ...some }));
const configurations: fc.Arbitrary<SentinelConf> = fc
  .record({
    myId: fc.option(runId),
    currentEpoch: epoch,
    announceIp: optional,
    announcePort: port,
    denyScriptsReconfig: fc.boolean(),
    resolveHostnames: fc.constant(true),
    announceHostnames: fc.boolean(),
    sentinelUser: optional,
    sentinelPass: optional,
    masters: fc.uniqueArray(master, { selector: (one) => one.name, maxLength: 3 }),
    server,
  })
  .map((state) => ({
    ...state,
    // A config epoch raises the current epoch when it is read.
    currentEpoch: [state.currentEpoch, ...state.masters.map((one) => one.configEpoch)].reduce((a, b) =>
      a > b ? a : b,
    ),
  }));
const oldFiles: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      '# a',
      '# b',
      '',
      '  ',
      'port 1',
      'foo bar',
      MARKER,
      MONITOR,
      'sentinel known-slave m1 10.0.0.9 1',
      'maxmemory 1',
      'sentinel rename-command m1 CONFIG x',
      'sentinel primary-reboot-down-after-period m1 1',
      'user bob on',
      'user x on',
      'sentinel monitor b 10.0.0.8 1 1',
      'bind 127.0.0.1',
      'save ""',
      'dir .',
      'requirepass x',
      'sentinel nonsense',
      'client-output-buffer-limit pubsub 1 1 1',
      'unixsocketperm 700',
      'sentinel auth-pass m1 y',
      'latency-tracking-info-percentiles ""',
      `sentinel known-sentinel m1 10.0.0.9 1 ${ID}`,
      'sentinel announce-ip x',
    ),
  )
  .map((lines) => lines.join('\n'));

it('starts a monitored master from the defaults', () => {
  assert.deepEqual(load(MONITOR).conf.masters, [defaultMaster('m1', '10.0.0.1', 6379, 2)]);
});
