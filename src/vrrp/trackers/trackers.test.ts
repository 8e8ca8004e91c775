import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect } from '../io.ts';
import { scriptConf } from '../test-conf.ts';
import { ProcessTracker } from './process.ts';
import { RedisTracker } from './redis.ts';
import { ScriptTracker } from './script.ts';
import { Tally } from './tally.ts';
import type { Hands } from './tracker.ts';

class TestHands implements Hands {
  now = 0;
  effects: Effect[] = [];
  verdicts: string[] = [];
  said: string[] = [];
  #last = 0;
  emit(effect: Effect): void {
    this.effects.push(effect);
  }
  nextRun(): number {
    return (this.#last += 1);
  }
  nextConnection(): number {
    return (this.#last += 1);
  }
  verdictChanged(tracker: string, isUp: boolean, why: string): void {
    this.verdicts.push(`${tracker} ${isUp ? 'up' : 'down'}: ${why}`);
  }
  trackerSays(_tracker: string, text: string): void {
    this.said.push(text);
  }
  /** Brief words for what was asked for since the last call. */
  take(): string[] {
    const words = this.effects.map((effect) => {
      if (effect.kind === 'signal-run') return effect.signal;
      return effect.kind === 'redis-ask' ? effect.question : effect.kind;
    });
    this.effects = [];
    return words;
  }
}

describe('the tally (vrrp.md §1.11)', () => {
  const play = (results: string, initFail = false): string => {
    const tally = new Tally({ rise: 2, fall: 3 }, initFail);
    return results
      .split('')
      .map((result) => {
        if (result === '+') tally.succeed();
        else tally.fail();
        return tally.isUp === true ? 'u' : 'd';
      })
      .join('');
  };

  it('lets the first result decide alone', () => {
    assert.equal(new Tally({ rise: 2, fall: 3 }, false).isUp, null);
    assert.equal(play('+'), 'u');
    assert.equal(play('-'), 'd');
  });

  it('needs fall failures in a row for down, and one success fills up again', () => {
    assert.equal(play('+--+--+---'), 'uuuuuuuuud');
  });

  it('needs rise successes in a row for up', () => {
    assert.equal(play('-+-++'), 'ddddu');
  });

  it('begins as down with init_fail, and needs rise', () => {
    assert.equal(play('++', true), 'du');
  });
});

describe('a script (vrrp.md §1.11)', () => {
  const begin = (more = {}): { hands: TestHands; script: ScriptTracker; at: (now: number) => string[] } => {
    const hands = new TestHands();
    const script = new ScriptTracker(scriptConf(more), hands);
    const at = (now: number): string[] => {
      hands.now = now;
      script.attend();
      return hands.take();
    };
    return { hands, script, at };
  };

  it('runs at once, and again on the grid of its interval', () => {
    const { hands, script, at } = begin();
    assert.deepEqual(at(0), ['run-script']);
    hands.now = 100;
    script.ended(1, 0, 0);
    assert.deepEqual(hands.verdicts, ['check up: exit 0']);
    assert.equal(script.dueAt(), 1000);
    assert.deepEqual(at(1030), ['run-script']);
    script.ended(2, 1, 0);
    assert.equal(script.dueAt(), 2000);
    assert.deepEqual(hands.verdicts, ['check up: exit 0', 'check down: exit 1']);
  });

  it('is ended by SIGTERM, SIGKILL after 2 s, after 2 more, then every 10, and fails when it is gone', () => {
    const { hands, script, at } = begin();
    at(0);
    assert.deepEqual(at(999), []);
    assert.deepEqual(at(1000), ['SIGTERM']);
    assert.deepEqual(at(3000), ['SIGKILL']);
    assert.deepEqual(at(5000), ['SIGKILL']);
    assert.deepEqual(at(14_999), []);
    assert.deepEqual(at(15_000), ['SIGKILL']);
    assert.equal(script.isUp, null);
    hands.now = 15_100;
    script.ended(1, 0, 0);
    assert.deepEqual(hands.verdicts, ['check down: it took too long']);
    assert.equal(script.dueAt(), 16_000);
  });

  it('skips runs while one lives', () => {
    const { hands, script, at } = begin({ timeoutMs: 10_000 });
    at(0);
    assert.deepEqual(at(2500), []);
    hands.now = 2500;
    script.ended(1, 0, 0);
    assert.equal(script.dueAt(), 3000);
  });

  it('fails by death of a signal', () => {
    const { hands, script, at } = begin();
    at(0);
    script.ended(1, 0, 9);
    assert.deepEqual(hands.verdicts, ['check down: signal 9']);
  });
});

describe('a process tracker', () => {
  it('takes the first count at its word, and a change only after it lasted', () => {
    const hands = new TestHands();
    const conf = {
      name: 'p',
      process: 'redis-server',
      parameters: null,
      parameterMatch: 'exact',
      fullCommand: false,
      quorum: 1,
      quorumMax: 2,
      forkDelayMs: 0,
      terminateDelayMs: 500,
    } as const;
    const tracker = new ProcessTracker(conf, hands);
    tracker.counted(1);
    assert.equal(tracker.isUp, true);
    hands.now = 100;
    tracker.counted(0);
    assert.equal(tracker.isUp, true);
    assert.equal(tracker.dueAt(), 600);
    tracker.counted(1);
    assert.equal(tracker.dueAt(), Infinity);
    tracker.counted(3);
    hands.now = 600;
    tracker.attend();
    assert.deepEqual(hands.verdicts, ['p up: 1 processes', 'p down: 3 processes']);
  });
});

describe('a standing connection to Redis', () => {
  const begin = (): { hands: TestHands; redis: RedisTracker; at: (now: number) => string[] } => {
    const hands = new TestHands();
    const conf = {
      name: 'r',
      host: '127.0.0.1',
      port: 6390,
      authFile: null,
      intervalMs: 1000,
      besideScript: null,
      rise: 2,
      fall: 3,
    };
    const redis = new RedisTracker(conf, hands);
    const at = (now: number): string[] => {
      hands.now = now;
      redis.attend();
      return hands.take();
    };
    return { hands, redis, at };
  };
  const up = (): ReturnType<typeof begin> => {
    const stage = begin();
    assert.deepEqual(stage.at(0), ['redis-connect']);
    stage.redis.connected();
    assert.deepEqual(stage.hands.take(), ['ping', 'info']);
    stage.redis.answered({ kind: 'pong' });
    assert.equal(stage.redis.isUp, true);
    return stage;
  };

  it('takes closed and then refused for dead at once, whatever fall says', () => {
    const { hands, redis } = up();
    hands.now = 400;
    redis.disconnected('closed');
    assert.deepEqual(hands.take(), ['redis-connect']);
    assert.equal(redis.isUp, true);
    redis.disconnected('refused');
    assert.deepEqual(hands.verdicts.slice(1), ['r down: nothing listens there any more']);
  });

  it('only reconnects when it was closed and listens on, and not in a circle', () => {
    const { hands, redis, at } = up();
    redis.disconnected('closed');
    assert.deepEqual(hands.take(), ['redis-connect']);
    for (const dialledAt of [5, 25, 105]) {
      redis.connected();
      hands.take();
      redis.disconnected('closed');
      assert.deepEqual(at(dialledAt - 1), []);
      assert.deepEqual(at(dialledAt), ['redis-connect']);
    }
    redis.connected();
    hands.take();
    redis.disconnected('closed');
    assert.equal(redis.dueAt(), 1000);
    assert.deepEqual(at(1000), ['redis-connect']);
    redis.connected();
    redis.answered({ kind: 'error', text: 'ERR max number of clients reached' });
    assert.equal(redis.isUp, true);
    assert.deepEqual(hands.said, ['refuses to be asked: ERR max number of clients reached']);
  });

  it('dials again when a dying server took the first attempt and was gone before it answered', () => {
    const { hands, redis, at } = up();
    redis.disconnected('closed');
    redis.connected();
    redis.disconnected('reset');
    hands.take();
    assert.equal(redis.isUp, true);
    assert.deepEqual(at(5), ['redis-connect']);
    redis.disconnected('refused');
    assert.equal(redis.isUp, false);
    assert.equal(redis.dueAt(), 1000);
  });

  it('does not hurry to a server whose machine does not answer', () => {
    const { hands, redis, at } = up();
    redis.disconnected('closed');
    hands.take();
    redis.disconnected('failed');
    assert.equal(redis.dueAt(), 1000);
    assert.deepEqual(at(999), []);
  });

  it('counts silence once per interval, and gives up a silent connection', () => {
    const { hands, redis, at } = up();
    at(1000);
    at(2000);
    at(3000);
    assert.equal(redis.isUp, true);
    assert.deepEqual(at(4000), ['redis-close', 'redis-connect']);
    assert.deepEqual(hands.verdicts.slice(1), ['r down: no answer for 1000 ms']);
  });

  it('comes back up after rise answers', () => {
    const { redis, at } = up();
    redis.disconnected('refused');
    at(1000);
    redis.connected();
    redis.answered({ kind: 'pong' });
    assert.equal(redis.isUp, false);
    at(2000);
    redis.answered({ kind: 'pong' });
    assert.equal(redis.isUp, true);
  });

  it('counts LOADING as a failure and NOAUTH as a sign of life', () => {
    const { redis } = up();
    redis.answered({ kind: 'error', text: 'NOAUTH Authentication required.' });
    assert.equal(redis.isUp, true);
    for (let times = 0; times < 3; times++)
      redis.answered({ kind: 'error', text: 'LOADING Redis is loading' });
    assert.equal(redis.isUp, false);
    assert.equal(redis.report.loading, true);
  });

  it('reports role, loading and replication', () => {
    const { redis } = up();
    redis.answered({
      kind: 'info',
      text: '# Replication\r\nrole:slave\r\nmaster_link_status:down\r\nslave_repl_offset:42\r\nloading:0\r\n',
    });
    assert.deepEqual(redis.report, {
      role: 'slave',
      loading: false,
      primaryLinkUp: false,
      offset: 42,
      problem: null,
    });
  });
});
