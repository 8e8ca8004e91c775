// How journals and deeds become one story.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Names } from './names.ts';
import { Story } from './story.ts';

const ID = 'ab'.repeat(20);

function emptyStory(): Story {
  const names = new Names([
    { name: 'redis-1', port: 20_001 },
    { name: 'redis-2', port: 20_002 },
    { name: 'baton-1', port: 21_001 },
  ]);
  names.learnRunId(ID, 'baton-1');
  return new Story(names);
}

const event = (at: number, name: string, text: string) => ({ at, level: 'warning', name, text }) as const;
const decision = (at: number, sentence: string) => ({ at, master: 'demo', sentence });

describe('the story', () => {
  it('tells events and decisions in order, by name', () => {
    const story = emptyStory();
    story.readJournals('baton-1', {
      decisions: [decision(15, `${ID} has failed demo over to 127.0.0.1:20002 in epoch 1`)],
      events: [
        event(10, '+sdown', 'master demo 127.0.0.1 20001'),
        event(11, '+odown', 'master demo 127.0.0.1 20001 #quorum 2/2'),
        event(12, '+vote-for-leader', `${ID} 1`),
        event(13, '+new-epoch', '1'),
        event(20, '-sdown', 'slave 127.0.0.1:20001 127.0.0.1 20001 @ demo 127.0.0.1 20002'),
        event(21, '+sdown', `sentinel ${ID} 127.0.0.1 21001 @ demo 127.0.0.1 20002`),
      ],
    });
    assert.deepEqual(
      story.entries.map(({ at, sentence }) => [at, sentence]),
      [
        [10, 'redis-1 is down (sdown)'],
        [11, 'redis-1 is down for the quorum: 2 members agree (odown)'],
        [12, 'votes for baton-1 in epoch 1'],
        [15, 'baton-1 has failed demo over to redis-2 in epoch 1'],
        [20, 'redis-1 answers again'],
        [21, 'baton-1 is down (sdown)'],
      ],
    );
  });

  it('reads on where it stopped, even if the journal dropped that', () => {
    const story = emptyStory();
    const [one, two, three] = [decision(1, 'one'), decision(1, 'two'), decision(2, 'three')];
    story.readJournals('baton-1', { events: [], decisions: [one, two] });
    story.readJournals('baton-1', { events: [], decisions: [one, two] });
    story.readJournals('baton-1', { events: [], decisions: [two, three] });
    story.readJournals('baton-1', { events: [], decisions: [decision(9, 'four')] });
    assert.deepEqual(
      story.entries.map(({ sentence }) => sentence),
      ['one', 'two', 'three', 'four'],
    );
  });

  it('tells where the endpoint leads and what came of a switch, once, and not whom it believes', () => {
    const story = emptyStory();
    const decisions = [
      { at: 1, backend: 'primary', sentence: 'leads to 127.0.0.1:20001: 127.0.0.1:20001 is the primary' },
      { at: 2, backend: 'demo', sentence: '127.0.0.1:20002 is the primary' },
      { at: 3, backend: 'demo', sentence: 'not switched: no sentinel answers' },
      { at: 4, backend: 'demo', sentence: 'switched: 127.0.0.1:20002 is the primary' },
    ];
    story.readEndpointJournal('endpoint', { decisions: decisions.slice(0, 3) });
    story.readEndpointJournal('endpoint', { decisions });
    assert.deepEqual(story.entries, [
      { at: 1, who: ['endpoint'], sentence: 'leads to redis-1: redis-1 is the primary' },
      { at: 4, who: ['endpoint'], sentence: 'switched: redis-2 is the primary' },
    ]);
  });

  it('makes one entry of what several find at the same time, but not of what one finds twice', () => {
    const story = emptyStory();
    story.add('baton-3', 'redis-1 is down', 100);
    story.add('baton-2', 'votes', 95);
    story.add('baton-1', 'redis-1 is down', 90);
    story.add('baton-1', 'redis-1 is down', 400);
    story.add('baton-2', 'redis-1 is down', 5_000);
    assert.deepEqual(story.entries, [
      { at: 90, who: ['baton-1', 'baton-3'], sentence: 'redis-1 is down' },
      { at: 95, who: ['baton-2'], sentence: 'votes' },
      { at: 400, who: ['baton-1'], sentence: 'redis-1 is down' },
      { at: 5_000, who: ['baton-2'], sentence: 'redis-1 is down' },
    ]);
  });

  it('tells every entry once, late ones too', () => {
    const story = emptyStory();
    story.add('you', 'one', 10);
    story.add('you', 'three', 30);
    assert.deepEqual(story.tell(20), [{ at: 10, who: ['you'], sentence: 'one' }]);
    story.add('you', 'two', 15);
    assert.deepEqual(
      story.tell(Infinity).map(({ sentence }) => sentence),
      ['two', 'three'],
    );
    assert.deepEqual(story.tell(Infinity), []);
  });
});
