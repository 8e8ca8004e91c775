import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BusiestSeconds } from './busiest-seconds.ts';
import { addTraffic, SessionCounter, type Tally, type Traffic } from './traffic.ts';

/** What a worker with this counter tells of its one endpoint and its one server. */
function tells(counter: SessionCounter, nowMs: number): Traffic {
  const tally: Tally = {
    sessions: counter.now,
    sessionsMost: counter.most,
    sessionsTotal: counter.total,
    rate: counter.rate(nowMs),
    rateMost: counter.rateMost,
    bytesIn: 0,
    bytesOut: 0,
    busy: counter.busy(nowMs),
  };
  return { e: { clients: tally, servers: { 'a:1': tally } } };
}

const begin = (counter: SessionCounter, count: number, nowMs: number): void => {
  for (let one = 0; one < count; one++) counter.began(nowMs);
};
const end = (counter: SessionCounter, count: number): void => {
  for (let one = 0; one < count; one++) counter.ended();
};

describe('the most that several workers had', () => {
  it('is that of one second, not of the busiest second of each', () => {
    const [one, two] = [new SessionCounter(), new SessionCounter()];
    const busiest = new BusiestSeconds();
    begin(one, 5, 10_000);
    end(one, 4);
    begin(two, 7, 12_500);
    const told = [tells(one, 13_000), tells(two, 13_100)];
    busiest.hear(told);
    const { clients, servers } = busiest.correct(addTraffic(told))['e'] ?? {};
    // One was left of the five.
    assert.deepEqual([clients?.sessionsMost, clients?.rateMost], [8, 7]);
    assert.equal(servers?.['a:1']?.sessionsMost, 8);
  });

  it('is remembered when it is long over, also that of a worker that is gone', () => {
    const [one, two] = [new SessionCounter(), new SessionCounter()];
    const busiest = new BusiestSeconds();
    begin(one, 3, 10_000);
    begin(two, 4, 10_900);
    busiest.hear([tells(one, 11_000), tells(two, 11_000)]);
    end(one, 3);
    const late = [tells(one, 100_000)];
    busiest.hear(late);
    assert.equal(busiest.correct(addTraffic(late))['e']?.clients.sessionsMost, 7);
  });

  it('counts a second once all have told of it, however late', () => {
    const [one, two] = [new SessionCounter(), new SessionCounter()];
    const busiest = new BusiestSeconds();
    begin(two, 2, 5_000);
    const before = tells(two, 9_000);
    begin(one, 5, 12_000);
    busiest.hear([tells(one, 12_000), before]);
    const seen = (): number | undefined => busiest.correct(addTraffic([before]))['e']?.clients.sessionsMost;
    assert.equal(seen(), 2);
    begin(two, 1, 12_500);
    busiest.hear([tells(one, 14_000), tells(two, 15_000)]);
    assert.equal(seen(), 8);
  });

  it('is a sum where nobody was heard of', () => {
    const counter = new SessionCounter();
    begin(counter, 2, 1_000);
    const told = [tells(counter, 1_000), tells(counter, 1_000)];
    assert.equal(new BusiestSeconds().correct(addTraffic(told))['e']?.clients.sessionsMost, 4);
  });
});
