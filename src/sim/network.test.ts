import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Random } from '../base/random.ts';
import type { Socket } from './network.ts';
import { Network } from './network.ts';
import { Process } from './process.ts';
import { Timeline } from './timeline.ts';

class Program extends Process {
  start(): void {
    this.markStarted();
  }

  kill(): void {
    this.markStopped();
    this.closeSockets('closed');
  }
}

/** A server at 10.0.0.2:7000 that notes what it hears, and a client that notes what happens to it. */
function makePair() {
  const timeline = new Timeline();
  const network = new Network(timeline, new Random(1), { delayMs: 1, jitterMs: 0 });
  const client = new Program('client', '10.0.0.1');
  const server = new Program('server', '10.0.0.2');
  for (const process of [client, server]) {
    network.addMachine(process.ip);
    process.start();
  }
  const heard: string[] = [];
  const accepted: Socket[] = [];
  network.listen(server, 7_000, (socket) => {
    accepted.push(socket);
    return {
      received: (items) =>
        heard.push(...items.map((item) => `${Math.round(timeline.now)} ${JSON.stringify(item)}`)),
      ended: (reason) => heard.push(`${Math.round(timeline.now)} ${reason}`),
    };
  });
  const told: string[] = [];
  const dial = (port: number): Socket =>
    network.connect(client, server.ip, port, {
      connected: () => told.push(`${Math.round(timeline.now)} connected`),
      received: () => told.push('received'),
      ended: (reason) => told.push(`${Math.round(timeline.now)} ${reason}`),
    });
  const runTo = (until: number): void => {
    while (timeline.runNext(until));
  };
  return { network, client, server, heard, told, dial, runTo, accepted };
}

it('delivers in order and once, what was written early right after the connection stands', () => {
  const { heard, told, dial, runTo } = makePair();
  const socket = dial(7_000);
  socket.write([['ONE']]);
  runTo(10);
  socket.write([['TWO'], ['THREE']]);
  socket.close();
  runTo(20);
  assert.deepEqual(told, ['2 connected']);
  assert.deepEqual(heard, ['3 ["ONE"]', '11 ["TWO"]', '11 ["THREE"]', '11 closed']);
});

it('refuses where nothing listens', () => {
  const { told, dial, runTo } = makePair();
  dial(7_001);
  runTo(10);
  assert.deepEqual(told, ['2 refused']);
});

it('holds what is sent into a cut path back until a retransmission after it healed', () => {
  const { network, heard, dial, runTo, client, server } = makePair();
  const socket = dial(7_000);
  runTo(10);
  const path = network.path(client.ip, server.ip);
  path.cuts += 1;
  socket.write([['LATE']]);
  runTo(300);
  path.cuts -= 1;
  runTo(2_000);
  // Sent at 10; again 200 ms after that, in vain; again 400 ms later.
  assert.deepEqual(heard, ['611 ["LATE"]']);
});

it('keeps a one-way cut one-way', () => {
  const { network, heard, told, dial, runTo, client, server, accepted } = makePair();
  const socket = dial(7_000);
  runTo(10);
  network.path(server.ip, client.ip).cuts += 1;
  socket.write([['HEARD']]);
  runTo(20);
  accepted[0]?.write([['NOT HEARD']]);
  runTo(1_000);
  assert.deepEqual(heard, ['11 ["HEARD"]']);
  assert.deepEqual(told, ['2 connected']);
});

it('lets a frozen process be connected to, and hands it everything in order when it thaws', () => {
  const { heard, told, dial, runTo, server } = makePair();
  server.freeze();
  dial(7_000).write([['WAITING']]);
  runTo(100);
  assert.deepEqual(told, ['2 connected']);
  assert.deepEqual(heard, []);
  server.thaw();
  assert.deepEqual(heard, ['100 ["WAITING"]']);
});

it('ends connections of a killed process, and resets those a dark machine has forgotten', () => {
  const { network, told, dial, runTo, server } = makePair();
  dial(7_000);
  runTo(10);
  server.kill();
  runTo(20);
  assert.deepEqual(told, ['2 connected', '11 closed']);

  const dark = makePair();
  const socket = dark.dial(7_000);
  dark.runTo(10);
  dark.network.setDark(dark.server.ip, true);
  for (const open of dark.server.sockets) open.vanish();
  dark.runTo(1_000);
  assert.deepEqual(dark.told, ['2 connected']);
  dark.network.setDark(dark.server.ip, false);
  socket.write([['HELLO?']]);
  dark.runTo(2_000);
  assert.deepEqual(dark.told, ['2 connected', '1002 reset']);
  assert.ok(network.hasMachine(server.ip));
});

it('gives up dialling a silent machine after the last SYN', () => {
  const { network, told, dial, runTo, server } = makePair();
  network.setDark(server.ip, true);
  dial(7_000);
  runTo(200_000);
  assert.deepEqual(told, ['127000 failed']);
});
