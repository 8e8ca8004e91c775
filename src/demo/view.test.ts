// The live screen, without a terminal.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters, styleText } from 'node:util';
import { member, node, picture } from './testing.ts';
import { type Frame, duration, renderView, shortList, thousands, timeOfDay } from './view.ts';

const frame = (changes: Partial<Frame> = {}): Frame => ({
  columns: 80,
  rows: 24,
  paint: (_style, text) => text,
  hasUnicode: true,
  ...changes,
});

const afterFailover = picture({
  nodes: [
    node(1, { state: 'stopped', role: null, follows: null, offset: null }),
    node(2, { role: 'primary', follows: null, offset: 1_234_567, lagBytes: null }),
    node(3, { follows: 'redis-2', lagBytes: 57 }),
  ],
  members: [1, 2, 3].map((number) =>
    member(number, { primary: 'redis-2', configEpoch: '1', concerns: ['redis-1 is down'] }),
  ),
  endpoint: { port: 22_000, answers: true, leadsTo: 'redis-2', because: 'redis-2 is the primary of demo' },
  story: [
    { at: 1, who: ['you'], sentence: 'kill -9 redis-1 (pid 42)' },
    {
      at: 2,
      who: ['baton-1', 'baton-2', 'baton-3'],
      sentence: 'redis-1 crashed: both connections ended and its port refuses new ones',
    },
    {
      at: 3,
      who: ['writer'],
      sentence: 'writes reach redis-2 after a gap of 69 ms; every acknowledged write is there',
    },
  ],
});

describe('the live screen', () => {
  it('shows at 80 by 24 who is primary, what all do and think, the writes, the story and the keys', () => {
    const lines = renderView(afterFailover, frame());
    assert.deepEqual(lines, [
      ' Baton demo  Redis 7.0.15, quorum 2 of 3, down after 1 s, fast-crash on    1:01',
      ' ● redis-2 is primary in epoch 1: all members agree, writes flow',
      '',
      ' NODE      PORT  ROLE                               OFFSET    BEHIND  PROCESS',
      ' redis-1  20001  –                                       –         –  killed',
      ' redis-2  20002  primary                         1,234,567         –  running',
      ' redis-3  20003  replica of redis-2                123,456      57 B  running',
      '',
      ' MEMBER    PORT  PRIMARY  EPOCH  THINKS',
      ' baton-1  21001  redis-2      1  redis-1 is down',
      ' baton-2  21002  redis-2      1  redis-1 is down',
      ' baton-3  21003  redis-2      1  redis-1 is down',
      '',
      ' ENDPOINT  port 22000 leads to redis-2 · one plain port, all the writer knows',
      ' WRITES    12,345 acknowledged, 0 of them lost · 17 failed · longest gap 69 ms',
      ' ▇▇▇▁▇',
      '',
      ' WHAT HAPPENED',
      ` ${timeOfDay(2)}  baton-1,2,3  redis-1 crashed: both connections ended and its`,
      '                            port refuses new ones',
      ` ${timeOfDay(3)}  writer       writes reach redis-2 after a gap of 69 ms; every`,
      '                            acknowledged write is there',
      '',
      ' k kill primary  f freeze primary  t thaw  s switch over  r restart  q quit',
    ]);
  });

  it('fits any terminal, with colours and without', () => {
    const paints: readonly Frame['paint'][] = [
      (_style, text) => text,
      (style, text) => styleText(style, text),
    ];
    for (const paint of paints) {
      for (const columns of [20, 40, 80, 133]) {
        for (const rows of [1, 5, 18, 24, 60]) {
          const lines = renderView(afterFailover, frame({ columns, rows, paint }));
          assert.equal(lines.length, rows);
          for (const line of lines) assert.ok(stripVTControlCharacters(line).length < columns, line);
        }
      }
    }
  });

  it('says what keeps the fleet from being whole', () => {
    const stray = picture({ nodes: [node(1), node(2), node(3, { role: 'primary', follows: null })] });
    const lines = renderView(stray, frame());
    assert.equal(lines[1], ' ● redis-1 is primary in epoch 0, but redis-3 still is a primary too');
    assert.match(lines[6] ?? '', /redis-3 +20003 {2}takes itself for primary/);
    const torn = picture({ members: [member(1), member(2, { primary: 'redis-2' })] });
    assert.equal(renderView(torn, frame())[1], ' ● the members do not agree who is primary');
  });

  it('says why the endpoint leads nowhere', () => {
    const because = 'redis-1 is to be the primary of demo, but it does not answer';
    const lines = renderView(
      picture({ endpoint: { port: 22_000, answers: true, leadsTo: null, because } }),
      frame({ columns: 120 }),
    );
    assert.equal(lines[1], ' ● redis-1 is primary in epoch 0, but the endpoint leads nowhere');
    assert.equal(lines[13], ` ENDPOINT  port 22000 leads nowhere: ${because}`);
  });

  it('is plain ASCII where the terminal has no more', () => {
    const text = renderView(afterFailover, frame({ hasUnicode: false })).join('\n');
    assert.match(text, /^[\n\u0020-\u007e]*$/);
  });
});

it('names of one kind are shortened together', () => {
  assert.equal(shortList(['baton-1', 'baton-3']), 'baton-1,3');
  assert.equal(shortList(['redis-2', 'baton-3']), 'redis-2,baton-3');
});

it('numbers are written for people', () => {
  assert.equal(thousands(1_234_567), '1,234,567');
  assert.equal(thousands(999), '999');
  assert.equal(duration(69.4), '69 ms');
  assert.equal(duration(1_148), '1.15 s');
});
