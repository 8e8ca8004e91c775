// SENTINEL CONFIG, DEBUG, SIMULATE-FAILURE and FLUSHCONFIG.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulks, error, OK, textMap, type Reply } from '../../resp/reply.ts';
import { crash, PEER_1, PRIMARY, trio } from '../test-cast.ts';
import type { Stage } from '../test-kit.ts';

const config = (stage: Stage, ...words: string[]): Reply | null => stage.ask('SENTINEL', 'CONFIG', ...words);
const debug = (stage: Stage, ...words: string[]): Reply | null => stage.ask('SENTINEL', 'DEBUG', ...words);
const SAVE_FAILED = error('ERR Failed to save config file. Check server logs.');

describe('SENTINEL CONFIG GET', () => {
  it('lists in its own order per pattern, each setting once, passwords in clear (sentinel.md §9)', () => {
    const { stage } = trio({}, { conf: { sentinelPass: 'secret' } });
    const all = [
      ['resolve-hostnames', 'no'],
      ['announce-hostnames', 'no'],
      ['announce-ip', '10.0.9.1'],
      ['announce-port', '26379'],
      ['sentinel-user', ''],
      ['sentinel-pass', 'secret'],
      ['loglevel', 'notice'],
    ] as const;
    assert.deepEqual(config(stage, 'GET', '*'), textMap(all));
    assert.deepEqual(
      config(stage, 'get', 'LOG*', 'announce-?ort', '*'),
      textMap([all[6], all[3], ...all.filter((_, index) => index !== 6 && index !== 3)]),
    );
    assert.deepEqual(config(stage, 'GET', 'nothing'), textMap([]));
  });
});

describe('SENTINEL CONFIG SET', () => {
  it('checks everything before it changes anything (sentinel.md §9)', () => {
    const { stage } = trio();
    const fails = (text: string, ...words: string[]): void => {
      const reply = config(stage, 'SET', 'announce-port', '7777', ...words);
      assert.ok(reply?.kind === 'error' && reply.text.startsWith(text), JSON.stringify(reply));
    };
    fails("ERR Invalid argument 'colour' to SENTINEL CONFIG SET", 'colour', 'red');
    fails("ERR Invalid argument 'constructor' to SENTINEL CONFIG SET", 'constructor', 'red');
    fails("ERR Duplicate argument 'ANNOUNCE-PORT' to SENTINEL CONFIG SET", 'ANNOUNCE-PORT', '1');
    fails("ERR Missing argument 'announce-ip' value", 'announce-ip');
    fails("ERR Invalid value 'loud' to SENTINEL CONFIG SET", 'announce-ip', '1.2.3.4', 'loglevel', 'loud');
    assert.deepEqual(config(stage, 'GET', 'announce-port'), textMap([['announce-port', '26379']]));
  });

  it('names the value and the setting of what is not acceptable', () => {
    const { stage } = trio();
    for (const [setting, value] of [
      ['announce-port', '65536'],
      ['announce-port', '-1'],
      ['announce-port', 'x'],
      ['resolve-hostnames', 'maybe'],
      ['loglevel', 'loud'],
      ['announce-ip', 'a b'],
    ] as const) {
      assert.deepEqual(
        config(stage, 'SET', setting, value),
        error(`ERR Invalid value '${value}' to SENTINEL CONFIG SET '${setting}'`),
      );
    }
  });

  it('refuses control characters (sentinel.md §10.2)', () => {
    const { stage } = trio();
    for (const [setting, value] of [
      ['announce-ip', '1.2.3.4\n'],
      ['sentinel-pass', 'a\0b'],
    ] as const) {
      assert.deepEqual(
        config(stage, 'SET', 'announce-port', '7777', setting, value),
        error('ERR Invalid argument: it must not contain control characters'),
      );
    }
    assert.deepEqual(config(stage, 'GET', 'announce-port'), textMap([['announce-port', '26379']]));
  });

  it('without a pair, or with another verb, says what there is', () => {
    const { stage } = trio();
    for (const words of [
      ['SET', 'loglevel'],
      ['REWRITE', 'x', 'y'],
    ]) {
      const reply = config(stage, ...words);
      assert.ok(reply?.kind === 'error' && reply.text.startsWith('ERR Only SENTINEL CONFIG GET '));
    }
  });

  it('new credentials are saved, answered, and the links to sentinels dialled anew (sentinel.md §7.3, §9)', () => {
    const { stage } = trio();
    stage.pass(500);
    const before = stage.effects.length;
    assert.deepEqual(config(stage, 'SET', 'sentinel-user', 'me', 'Sentinel-Pass', 'secret'), OK);
    stage.pass(1);
    const kinds = stage.effects.slice(before).map(({ effect }) => effect.kind);
    assert.ok(kinds.indexOf('persist') < kinds.indexOf('answer'));
    assert.ok(kinds.indexOf('answer') < kinds.indexOf('close'));
    assert.equal(kinds.filter((kind) => kind === 'close').length, 2);
    const logins = stage.sends.filter(({ args }) => args[0] === 'AUTH');
    assert.deepEqual(logins[0], { at: stage.now - 1, to: PEER_1, args: ['AUTH', 'me', 'secret'] });
    assert.equal(logins.length, 2);
  });

  it('loglevel tells the shell', () => {
    const { stage } = trio();
    assert.deepEqual(config(stage, 'SET', 'loglevel', 'DEBUG'), OK);
    assert.ok(
      stage.effects.some(({ effect }) => effect.kind === 'set-log-level' && effect.level === 'debug'),
    );
    assert.equal(stage.sentinel.stateToPersist().conf.server.logLevel, 'debug');
  });

  it('that can’t be saved says so, and holds all the same (sentinel.md §2.5)', () => {
    const { stage } = trio();
    stage.disk = 'EROFS';
    assert.deepEqual(config(stage, 'SET', 'announce-port', '7'), SAVE_FAILED);
    assert.deepEqual(config(stage, 'GET', 'announce-port'), textMap([['announce-port', '7']]));
  });
});

describe('SENTINEL DEBUG', () => {
  it('lists 13 settings in upper case, in the order of sentinel.md §4.1', () => {
    const { stage } = trio();
    const reply = debug(stage);
    assert.ok(reply?.kind === 'map' && reply.entries.length === 13);
    assert.deepEqual(reply.entries[0], [
      { kind: 'bulk', value: 'INFO-PERIOD' },
      { kind: 'bulk', value: '10000' },
    ]);
    assert.deepEqual(reply.entries[12]?.[0], { kind: 'bulk', value: 'SCRIPT-RETRY-DELAY' });
  });

  it('takes effect at once, from left to right, up to the first mistake (sentinel.md §9)', () => {
    const { stage } = trio();
    stage.pass(1000);
    assert.deepEqual(
      debug(stage, 'info-period', '200', 'ping-period', '0'),
      error("ERR Invalid argument '0' for SENTINEL DEBUG 'ping-period'"),
    );
    const from = stage.now;
    stage.pass(1000);
    assert.ok(stage.sentAt(PRIMARY, 'INFO').filter((at) => at > from).length >= 4);
    const text = "ERR Unknown option or number of arguments for SENTINEL DEBUG 'colour'";
    assert.deepEqual(debug(stage, 'colour', '1'), error(text));
    const odd = "ERR Unknown option or number of arguments for SENTINEL DEBUG 'ask-period'";
    assert.deepEqual(debug(stage, 'ask-period'), error(odd));
  });
});

describe('SENTINEL SIMULATE-FAILURE', () => {
  it('knows two names, and HELP lists them (sentinel.md §9)', () => {
    const { stage } = trio();
    const simulate = (...flags: string[]): Reply | null =>
      stage.ask('SENTINEL', 'SIMULATE-FAILURE', ...flags);
    assert.deepEqual(simulate('help'), bulks(['crash-after-election', 'crash-after-promotion']));
    assert.equal(simulate('crash-on-monday')?.kind, 'error');
    assert.deepEqual(simulate('crash-after-election', 'CRASH-AFTER-PROMOTION'), OK);
  });

  for (const [flag, last] of [
    ['crash-after-election', '+elected-leader'],
    ['crash-after-promotion', '+promoted-slave'],
  ] as const) {
    it(`${flag} exits with 99 right after ${last} (sentinel.md §6.6)`, () => {
      const { stage, cast } = trio();
      stage.pass(3000);
      stage.ask('SENTINEL', 'SIMULATE-FAILURE', flag);
      crash(stage, cast);
      stage.pass(3000);
      assert.deepEqual(stage.effects.at(-1)?.effect, { kind: 'exit', code: 99 });
      assert.equal(stage.events().at(-1), last);
    });
  }
});

describe('SENTINEL FLUSHCONFIG', () => {
  it('answers when the file is written, or that it can’t be (sentinel.md §9)', () => {
    const { stage } = trio();
    assert.deepEqual(stage.ask('SENTINEL', 'FLUSHCONFIG'), OK);
    stage.disk = 'EROFS';
    assert.deepEqual(stage.ask('SENTINEL', 'FLUSHCONFIG'), SAVE_FAILED);
  });
});
