import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Random } from '../../base/random.ts';
import type { Reply } from '../../resp/reply.ts';
import { Network } from '../network.ts';
import { Process } from '../process.ts';
import { Timeline } from '../timeline.ts';
import type { Command } from '../wire.ts';
import { RedisNode } from './node.ts';

class Client extends Process {
  start(): void {
    this.markStarted();
  }
}

function makeNodes() {
  const timeline = new Timeline();
  const network = new Network(timeline, new Random(1), { delayMs: 1, jitterMs: 0 });
  const random = new Random(2);
  const make = (index: number, follows: { host: string; port: number } | null): RedisNode => {
    const ip = `10.0.0.${index}`;
    network.addMachine(ip);
    const options = {
      name: `node-${index}`,
      ip,
      port: 6_379,
      priority: 100,
      follows,
      syncMs: 50,
      hasConfigFile: true,
    };
    const node = new RedisNode(network, random.fork(), options, { roleChanged: () => {} });
    node.start({ data: [], loadingMs: 0 });
    return node;
  };
  const primary = make(1, null);
  const replica = make(2, { host: '10.0.0.1', port: 6_379 });
  const other = make(3, { host: '10.0.0.1', port: 6_379 });
  const client = new Client('client', '10.0.0.9');
  network.addMachine(client.ip);
  client.start();
  const runFor = (forMs: number): void => {
    const until = timeline.now + forMs;
    while (timeline.runNext(until));
  };
  /** Opens a connection and gives back its replies as they come. */
  const connect = (to: RedisNode) => {
    const replies: Reply[] = [];
    const ends: string[] = [];
    const socket = network.connect(client, to.ip, to.port, {
      received: (items) => replies.push(...(items as Reply[])),
      ended: (reason) => ends.push(reason),
    });
    const ask = (...commands: Command[]): Reply[] => {
      replies.length = 0;
      socket.write(commands);
      runFor(10);
      return [...replies];
    };
    return { ask, replies, ends };
  };
  return { primary, replica, other, connect, runFor };
}

const field = (node: RedisNode, name: string): string | undefined =>
  new RegExp(`^${name}:(.*)\r$`, 'm').exec(node.info())?.[1];

it('copies a primary to its replicas and streams writes to them', () => {
  const { primary, replica, connect, runFor } = makeNodes();
  runFor(200);
  assert.equal(field(replica, 'master_link_status'), 'up');
  const { ask } = connect(primary);
  assert.deepEqual(ask(['SET', 'k1', 'x'], ['SET', 'k2', 'x']), [
    { kind: 'simple', text: 'OK' },
    { kind: 'simple', text: 'OK' },
  ]);
  assert.deepEqual(replica.history.data, ['k1', 'k2']);
  assert.equal(field(replica, 'slave_repl_offset'), field(primary, 'master_repl_offset'));
  runFor(1_000);
  assert.match(primary.info(), /^slave1:ip=10\.0\.0\.\d,port=6379,state=online,offset=\d+,lag=[01]\r$/m);
});

it('refuses writes on a replica', () => {
  const { replica, connect } = makeNodes();
  const [reply] = connect(replica).ask(['SET', 'k', 'x']);
  assert.equal(reply?.kind === 'error' && reply.text.startsWith('READONLY'), true);
});

it('lets the other replicas of a promoted one continue without copying everything', () => {
  const { primary, replica, other, connect, runFor } = makeNodes();
  runFor(200);
  connect(primary).ask(['SET', 'k1', 'x']);
  const { id } = replica.history;
  replica.replicate(null);
  assert.equal(field(replica, 'master_replid2'), id);
  const before = other.history.id;
  other.replicate({ host: replica.ip, port: replica.port });
  // A full resync would take syncMs.
  runFor(10);
  assert.equal(field(other, 'master_link_status'), 'up');
  assert.equal(other.history.previousId, before);
  assert.deepEqual(other.history.data, ['k1']);
});

it('wipes replicas that copy a primary which restarted empty', () => {
  const { primary, replica, connect, runFor } = makeNodes();
  runFor(200);
  connect(primary).ask(['SET', 'k1', 'x']);
  primary.crash(false);
  runFor(100);
  assert.equal(field(replica, 'master_link_status'), 'down');
  primary.start({ data: [], loadingMs: 0 });
  runFor(3_000);
  assert.equal(field(replica, 'master_link_status'), 'up');
  assert.deepEqual(replica.history.data, []);
});

it('runs the transaction that re-points a node, and remembers the role through a restart', () => {
  const { primary, replica, connect, runFor } = makeNodes();
  runFor(200);
  const bystander = connect(primary);
  const subscriber = connect(primary);
  bystander.ask(['PING']);
  subscriber.ask(['SUBSCRIBE', '__sentinel__:hello']);
  const { ask } = connect(primary);
  const replies = ask(
    ['MULTI'],
    ['SLAVEOF', replica.ip, '6379'],
    ['CONFIG', 'REWRITE'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
    ['EXEC'],
  );
  assert.equal(replies.length, 6);
  assert.deepEqual(replies.at(-1), {
    kind: 'array',
    items: [
      { kind: 'simple', text: 'OK' },
      { kind: 'simple', text: 'OK' },
      { kind: 'integer', value: 1 },
      { kind: 'integer', value: 1 },
    ],
  });
  assert.deepEqual([bystander.ends, subscriber.ends], [['closed'], ['closed']]);
  primary.crash(false);
  primary.start({ data: [], loadingMs: 0 });
  assert.equal(field(primary, 'role'), 'slave');
  assert.equal(field(primary, 'master_host'), replica.ip);
});

it('carries a publication of the primary to the subscribers of its replicas, but not the other way', () => {
  const { primary, replica, connect, runFor } = makeNodes();
  runFor(200);
  const onReplica = connect(replica);
  const onPrimary = connect(primary);
  onReplica.ask(['SUBSCRIBE', 'c']);
  onPrimary.ask(['SUBSCRIBE', 'c']);
  onReplica.replies.length = 0;
  onPrimary.replies.length = 0;
  connect(primary).ask(['PUBLISH', 'c', 'from the primary']);
  connect(replica).ask(['PUBLISH', 'c', 'from the replica']);
  const texts = (replies: readonly Reply[]): unknown[] =>
    replies.map((reply) =>
      reply.kind === 'array' && reply.items[2]?.kind === 'bulk' ? reply.items[2].value : null,
    );
  assert.deepEqual(texts(onPrimary.replies), ['from the primary']);
  assert.deepEqual(texts(onReplica.replies), ['from the primary', 'from the replica']);
});

it('answers LOADING to PING but INFO in full while it loads', () => {
  const { primary, connect, runFor } = makeNodes();
  primary.crash(false);
  primary.start({ data: ['k'], loadingMs: 500 });
  const { ask } = connect(primary);
  const [ping, info] = ask(['PING'], ['INFO']);
  assert.equal(ping?.kind === 'error' && ping.text.startsWith('LOADING'), true);
  assert.equal(info?.kind === 'bulk' && info.value.includes('loading:1'), true);
  runFor(600);
  assert.deepEqual(ask(['PING']), [{ kind: 'simple', text: 'PONG' }]);
});
