// Model sentinels: who they say is the primary, and what they do to the servers. One failover at a time, so that each
// epoch names one address; which sentinels know of it, and when, is the network's doing. How they agree is not simulated
// here (the quorum has a simulator of its own).

import type { Random } from '../../base/random.ts';
import type { Reply } from '../../resp/reply.ts';
import { array, bulk, bulks, error, integer, OK, simple } from '../../resp/reply.ts';
import type { Network, Socket, SocketUser } from '../network.ts';
import { Process } from '../process.ts';
import type { RedisNode } from '../redis/node.ts';
import { isCommand, type Command } from '../wire.ts';
import { GROUP, SENTINEL_PORT, sentinelIp } from './configuration.ts';
import type { Scenario } from './scenario.ts';

const TICK_MS = 100;
/** Between two hellos of one sentinel to another. */
const HELLO_MS = 1_000;
/** A node of another opinion is put right after so long. */
const PUT_RIGHT_MS = 3_000;
/** FAILOVER's primary waits for an acknowledgement, which comes once a second. */
const HAND_OVER_MS_MAX = 1_000;
const HAND_OVER_TIMEOUT_MS = 2_000;

interface View {
  readonly primary: RedisNode;
  readonly epoch: number;
}

class ModelSentinel extends Process {
  readonly index: number;
  view: View;
  isMute = false;
  /** When it last had the primary's word. */
  lastGoodAt = 0;
  helloAt = 0;
  readonly #network: Network;
  readonly #fleet: Fleet;
  readonly #subscribers = new Set<Socket>();

  constructor(network: Network, index: number, view: View, fleet: Fleet) {
    super(`sentinel-${index}`, sentinelIp(index));
    this.index = index;
    this.view = view;
    this.#network = network;
    this.#fleet = fleet;
  }

  start(): void {
    this.markStarted();
    this.lastGoodAt = this.#network.timeline.now;
    this.#network.listen(this, SENTINEL_PORT, (socket) => this.#accept(socket));
  }

  kill(): void {
    this.#network.unlisten(this, SENTINEL_PORT);
    this.markStopped();
    this.closeSockets('closed');
    this.#subscribers.clear();
  }

  learn(view: View): void {
    if (view.epoch <= this.view.epoch) return;
    const [from, to] = [this.view.primary, view.primary];
    this.view = view;
    this.lastGoodAt = this.#network.timeline.now;
    if (this.isMute || from === to) return;
    const text = `${GROUP} ${from.ip} ${from.port} ${to.ip} ${to.port}`;
    for (const socket of this.#subscribers) socket.write([bulks(['message', '+switch-master', text])]);
  }

  #accept(socket: Socket): SocketUser {
    return {
      received: (items) => {
        socket.write(items.filter(isCommand).map((command) => this.#answer(socket, command)));
      },
      ended: () => this.#subscribers.delete(socket),
    };
  }

  #answer(socket: Socket, [name = '', second = '', , word = '']: Command): Reply {
    const { primary, epoch } = this.view;
    if (name === 'PING') return simple('PONG');
    if (name === 'SUBSCRIBE') {
      this.#subscribers.add(socket);
      return array([bulk('subscribe'), bulk(second), integer(1)]);
    }
    if (name !== 'SENTINEL') return error(`ERR unknown command '${name}'`);
    switch (second) {
      case 'MASTER':
        return bulks(['ip', primary.ip, 'port', String(primary.port), 'config-epoch', String(epoch)]);
      case 'REPLICAS':
        return array(
          this.#fleet.nodes
            .filter((node) => node !== primary)
            .map((node) => bulks(['ip', node.ip, 'port', String(node.port)])),
        );
      case 'FAILOVER':
        return this.#fleet.order(this, word === 'COORDINATED') ?? OK;
      default:
        return error('ERR unknown subcommand');
    }
  }
}

export class Fleet {
  readonly nodes: readonly RedisNode[];
  readonly sentinels: readonly ModelSentinel[];
  readonly #network: Network;
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly #acts: (action: () => void) => void;
  readonly #tell: (who: string, text: string) => void;
  #isFailingOver = false;
  /** Since when a node contradicts. */
  readonly #wrongSince = new Map<RedisNode, number>();

  /** `acts`: wraps whatever is done to a node. */
  constructor(
    network: Network,
    random: Random,
    scenario: Scenario,
    nodes: readonly RedisNode[],
    hooks: { acts(action: () => void): void; tell(who: string, text: string): void },
  ) {
    this.#network = network;
    this.#random = random;
    this.#scenario = scenario;
    this.nodes = nodes;
    this.#acts = (action) => hooks.acts(action);
    this.#tell = (who, text) => hooks.tell(who, text);
    const view = { primary: nodes[0] as RedisNode, epoch: 1 };
    this.sentinels = Array.from(
      { length: scenario.sentinels },
      (_, index) => new ModelSentinel(network, index, view, this),
    );
  }

  start(): void {
    for (const sentinel of this.sentinels) sentinel.start();
    if (this.sentinels.length > 0) this.#network.timeline.after(TICK_MS, () => this.#tick());
  }

  /** What the newest configuration says. */
  get newest(): View {
    return this.sentinels.map(({ view }) => view).reduce((a, b) => (b.epoch > a.epoch ? b : a));
  }

  /** Everybody alive is of one opinion, and the servers follow it. */
  get isSettled(): boolean {
    const { newest } = this;
    return (
      !this.#isFailingOver &&
      this.sentinels.every(({ view, awake }) => awake && view.epoch === newest.epoch) &&
      this.nodes.every((node) => node.awake && (node === newest.primary) === node.isPrimary)
    );
  }

  /** SENTINEL FAILOVER; the answer is a refusal, null if it begins. */
  order(sentinel: ModelSentinel, isCoordinated: boolean): Reply | null {
    if (isCoordinated && !this.#scenario.isCoordinated)
      return error("ERR wrong number of arguments for 'sentinel|failover' command");
    const { view } = sentinel;
    if (this.#isFailingOver) return error('INPROG Failover already in progress');
    if (view.epoch < this.newest.epoch) return error('NOGOODSLAVE No suitable replica to promote');
    const best = this.#best(sentinel);
    if (best === null || !this.#reaches(sentinel, view.primary))
      return error('NOGOODSLAVE No suitable replica to promote');
    this.#isFailingOver = true;
    if (isCoordinated) this.#handOver(sentinel, best);
    else this.#after(this.#random.float() * 1_000, () => this.#promote(sentinel, best, view.primary));
    return null;
  }

  #tick(): void {
    for (const sentinel of this.sentinels) if (sentinel.awake) this.#look(sentinel);
    this.#elect();
    this.#putRight();
    this.#network.timeline.after(TICK_MS, () => this.#tick());
  }

  #look(sentinel: ModelSentinel): void {
    const { now } = this.#network.timeline;
    const { primary } = sentinel.view;
    if (this.#reaches(sentinel, primary) && !primary.isLoading && primary.isPrimary)
      sentinel.lastGoodAt = now;
    if (now < sentinel.helloAt) return;
    sentinel.helloAt = now + HELLO_MS;
    const { view } = sentinel;
    for (const other of this.sentinels) {
      if (other === sentinel || !this.#canReach(sentinel.ip, other.ip)) continue;
      this.#network.timeline.after(this.#scenario.delayMs, () => other.deliver(() => other.learn(view)));
    }
  }

  /** A majority that can talk, and agrees that the primary is down, promotes the replica with the most data. */
  #elect(): void {
    if (this.#isFailingOver) return;
    const { newest } = this;
    const { now } = this.#network.timeline;
    const isDown = (one: ModelSentinel): boolean =>
      one.awake && one.view.epoch === newest.epoch && now - one.lastGoodAt > this.#scenario.downAfterMs;
    for (const leader of this.sentinels) {
      if (!isDown(leader)) continue;
      const voters = this.sentinels.filter(
        (one) => one === leader || (isDown(one) && this.#canReach(leader.ip, one.ip)),
      );
      if (2 * voters.length <= this.sentinels.length) continue;
      const best = this.#best(leader);
      if (best === null) continue;
      this.#isFailingOver = true;
      this.#after(this.#random.float() * 500, () => this.#promote(leader, best, newest.primary));
      return;
    }
  }

  /** SLAVEOF NO ONE, and when the node has said so itself, everybody is told. */
  #promote(leader: ModelSentinel, to: RedisNode, from: RedisNode): void {
    if (!leader.awake || !this.#reaches(leader, to)) {
      this.#isFailingOver = false;
      return;
    }
    this.#tell(leader.name, `promotes ${to.name}`);
    this.#acts(() => {
      to.replicate(null);
      to.rewriteConfig();
    });
    const epoch = this.newest.epoch + 1;
    this.#after(this.#random.float() * 100, () => {
      leader.learn({ primary: to, epoch });
      leader.helloAt = 0;
      // The rest follows as soon as it can; the old one, as soon as it is seen.
      for (const node of this.nodes) if (node !== to && node !== from) this.#wrongSince.set(node, -Infinity);
      this.#isFailingOver = false;
    });
  }

  /** The primary pauses its writers, waits for the replica, and changes places with it. */
  #handOver(leader: ModelSentinel, to: RedisNode): void {
    const from = leader.view.primary;
    const { timeline } = this.#network;
    from.pauseWrites(HAND_OVER_TIMEOUT_MS);
    const giveUpAt = timeline.now + HAND_OVER_TIMEOUT_MS;
    const look = (): void => {
      const isReady =
        from.awake &&
        to.awake &&
        to.linkIsUp &&
        from.writesArePaused &&
        to.history.id === from.history.id &&
        to.history.offset === from.history.offset;
      if (isReady) {
        this.#tell(leader.name, `has ${from.name} hand over to ${to.name}`);
        this.#acts(() => {
          to.replicate(null);
          from.replicate({ host: to.ip, port: to.port });
          to.rewriteConfig();
          from.rewriteConfig();
          from.pauseWrites(0);
        });
        leader.learn({ primary: to, epoch: this.newest.epoch + 1 });
        leader.helloAt = 0;
        this.#isFailingOver = false;
      } else if (timeline.now > giveUpAt) {
        from.pauseWrites(0);
        this.#isFailingOver = false;
      } else timeline.after(20, look);
    };
    this.#after(this.#random.float() * HAND_OVER_MS_MAX, look);
  }

  /** Nodes that are not what the newest configuration says are told so, by any sentinel that knows it. */
  #putRight(): void {
    const { newest } = this;
    const { primary } = newest;
    const { now } = this.#network.timeline;
    const knowing = this.sentinels.filter(({ awake, view }) => awake && view.epoch === newest.epoch);
    for (const node of this.nodes) {
      const follows = node.follows;
      const isRight =
        node === primary ? node.isPrimary : follows?.host === primary.ip && follows.port === primary.port;
      if (isRight || !node.running) {
        this.#wrongSince.delete(node);
        continue;
      }
      const since = this.#wrongSince.get(node) ?? now;
      this.#wrongSince.set(node, since);
      if (now - since < PUT_RIGHT_MS || this.#isFailingOver || node === primary || node.isLoading) continue;
      const teller = knowing.find((one) => this.#reaches(one, node) && this.#reaches(one, primary));
      if (teller === undefined || !primary.isPrimary) continue;
      this.#acts(() => {
        node.replicate({ host: primary.ip, port: primary.port });
        node.rewriteConfig();
      });
    }
  }

  #best(leader: ModelSentinel): RedisNode | null {
    const good = this.nodes.filter(
      (node) =>
        node !== leader.view.primary && !node.isPrimary && !node.isLoading && this.#reaches(leader, node),
    );
    const [first, ...rest] = good;
    if (first === undefined) return null;
    return rest.reduce((a, b) => (b.history.data.length > a.history.data.length ? b : a), first);
  }

  #reaches(sentinel: ModelSentinel, node: RedisNode): boolean {
    return node.awake && this.#canReach(sentinel.ip, node.ip);
  }

  #canReach(a: string, b: string): boolean {
    return this.#network.path(a, b).cuts === 0 && this.#network.path(b, a).cuts === 0;
  }

  #after(ms: number, action: () => void): void {
    this.#network.timeline.after(ms, action);
  }
}
