// Looks at everything, again and again: asks every node what it is, every member what it thinks and the endpoint where it
// leads, and makes a picture. It changes nothing. What it sees change at a node becomes part of the story.

import { setTimeout as sleep } from 'node:timers/promises';
import type { EndpointStatus } from '../daemon/endpoint/endpoint-daemon.ts';
import type { Status } from '../daemon/sentinel-daemon.ts';
import { assert } from '../base/assert.ts';
import { ask, askControlSocket, textOf } from './ask.ts';
import { concernsOf } from './concerns.ts';
import type { Names } from './names.ts';
import { agreedPrimary, whatIsMissing } from './picture.ts';
import type { EndpointPicture, MemberPicture, NodePicture, Picture } from './picture.ts';
import { GROUP } from './scene.ts';
import type { Scene, SceneEndpoint, SceneMember, SceneNode } from './scene.ts';
import type { Story } from './story.ts';
import type { Writer } from './writer.ts';

/** Five pictures a second: what a redraw shows is never older than the eye can tell. */
const INTERVAL_MS = 200;
const ANSWER_MS_MAX = 250;
/** As many as the widest terminal could show. */
const TICKS_KEPT = 500;

export interface ObserverOptions {
  readonly scene: Scene;
  readonly names: Names;
  readonly story: Story;
  readonly writer: Writer;
  readonly setting: string;
  /** Called with every new picture. */
  readonly onPicture: (picture: Picture) => void;
}

export class Observer {
  readonly #options: ObserverOptions;
  readonly #startedAt = Date.now();
  readonly #writesPerTick: number[] = [];
  #acknowledgedBefore = 0;
  #picture: Picture | null = null;
  #wasWhole = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** The last one; null before the first. */
  get picture(): Picture | null {
    return this.#picture;
  }

  /** Makes pictures until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const begun = performance.now();
      await this.#look();
      if (this.#picture !== null && !signal.aborted) this.#options.onPicture(this.#picture);
      await sleep(Math.max(20, INTERVAL_MS - (performance.now() - begun)), null, { signal }).catch(
        () => null,
      );
    }
  }

  async #look(): Promise<void> {
    const { scene, names, story, writer } = this.#options;
    const [nodes, statuses, endpoint] = await Promise.all([
      Promise.all(scene.nodes.map((node) => this.#lookAtNode(node))),
      Promise.all(scene.members.map((member) => statusOf(member))),
      this.#lookAtEndpoint(scene.endpoint),
    ]);
    for (const [index, status] of statuses.entries()) {
      const name = scene.members[index]?.name;
      if (status !== null && name !== undefined) names.learnRunId(status.snapshot.myId, name);
    }
    const members = scene.members.map((member, index) => {
      const status = statuses[index] ?? null;
      if (status !== null) story.readJournals(member.name, status);
      return this.#memberPicture(member, status);
    });

    const { acknowledged } = writer.picture();
    this.#writesPerTick.push(acknowledged - this.#acknowledgedBefore);
    this.#acknowledgedBefore = acknowledged;
    if (this.#writesPerTick.length > TICKS_KEPT) this.#writesPerTick.shift();

    const picture: Picture = {
      at: Date.now(),
      startedAt: this.#startedAt,
      nodes: withLag(nodes, agreedPrimary(members)?.name ?? null),
      members,
      endpoint,
      writer: writer.picture(),
      writesPerTick: this.#writesPerTick,
      story: story.entries,
      setting: this.#options.setting,
    };
    this.#tellChanges(picture);
    this.#picture = picture;
  }

  async #lookAtNode(node: SceneNode): Promise<NodePicture> {
    const { name, port, state } = node;
    const unknown: NodePicture = {
      name,
      port,
      state,
      role: null,
      follows: null,
      isLinkUp: false,
      offset: null,
      lagBytes: null,
    };
    if (state !== 'running') return unknown;
    const answer = await ask(port, ['INFO', 'replication'], ANSWER_MS_MAX);
    // It may have been killed meanwhile.
    const now = node.state;
    if (answer.kind !== 'reply' || answer.reply.kind === 'error') return { ...unknown, state: now };
    const info = new Map(
      textOf(answer.reply)
        .split('\r\n')
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
    const isReplica = info.get('role') === 'slave';
    return {
      ...unknown,
      state: now,
      role: isReplica ? 'replica' : 'primary',
      follows: isReplica ? this.#options.names.ofPort(Number(info.get('master_port'))) : null,
      isLinkUp: info.get('master_link_status') === 'up',
      offset: Number(info.get(isReplica ? 'slave_repl_offset' : 'master_repl_offset') ?? 0),
    };
  }

  #memberPicture({ name, port }: SceneMember, status: Status | null): MemberPicture {
    const { scene, names } = this.#options;
    const master = status?.snapshot.masters.find((one) => one.name === GROUP);
    if (status === null || master === undefined) {
      const concerns = ['does not answer'];
      return { name, port, answers: false, primary: null, configEpoch: '0', concerns, isSettled: false };
    }
    const company = { replicas: scene.nodes.length - 1, otherMembers: scene.members.length - 1 };
    return {
      name,
      port,
      answers: true,
      primary: names.ofAddress(master.address),
      configEpoch: master.configEpoch,
      concerns: concernsOf(status.snapshot, master, names, company),
      isSettled:
        master.failoverState === 'none' &&
        master.sentinels.length === company.otherMembers &&
        master.replicas.length === company.replicas,
    };
  }

  async #lookAtEndpoint(endpoint: SceneEndpoint | null): Promise<EndpointPicture> {
    const { names, story } = this.#options;
    assert(endpoint !== null, 'what is looked at has started');
    const { name, port, socketPath } = endpoint;
    const status = (await askControlSocket(socketPath, '/status', ANSWER_MS_MAX)) as EndpointStatus | null;
    // Its options make it one backend.
    const backend = status?.snapshot.backends[0];
    if (status === null || backend === undefined) {
      return { port, answers: false, leadsTo: null, because: 'it does not answer' };
    }
    story.readEndpointJournal(name, status);
    const [leadsTo] = backend.leadsTo;
    return {
      port,
      answers: true,
      leadsTo: leadsTo === undefined ? null : names.ofAddress(leadsTo),
      because: names.within(backend.because),
    };
  }

  #tellChanges(picture: Picture): void {
    const { story } = this.#options;
    for (const node of picture.nodes) {
      const before = this.#picture?.nodes.find(({ name }) => name === node.name);
      const sentence = before === undefined ? null : describeChange(before, node, picture);
      if (sentence !== null) story.add(node.name, sentence, picture.at);
    }
    const isWhole = whatIsMissing(picture) === null;
    if (isWhole && !this.#wasWhole) story.add('demo', 'the fleet is whole', picture.at);
    this.#wasWhole = isWhole;
  }
}

async function statusOf(member: SceneMember): Promise<Status | null> {
  return (await askControlSocket(member.socketPath, '/status', ANSWER_MS_MAX)) as Status | null;
}

/** Fills in how far each replica is behind the primary. Both were asked at the same time, give or take a write. */
function withLag(nodes: readonly NodePicture[], primaryName: string | null): NodePicture[] {
  const primary = nodes.find(({ name, role }) => name === primaryName && role === 'primary');
  const primaryOffset = primary?.offset ?? null;
  return nodes.map((node) => {
    if (node.role !== 'replica' || node.offset === null || primaryOffset === null) return node;
    return { ...node, lagBytes: Math.max(0, primaryOffset - node.offset) };
  });
}

/** What a node does differently from the last picture, as a sentence without its subject; null if nothing. */
function describeChange(before: NodePicture, node: NodePicture, picture: Picture): string | null {
  const agreed = agreedPrimary(picture.members)?.name ?? null;
  if (node.role === 'primary' && before.role !== 'primary') {
    if (node.name === agreed || agreed === null) return 'is a primary now';
    return before.state === 'running'
      ? `is a primary now, though the members agreed on ${agreed}`
      : `came back and still takes itself for the primary; the members will make it a replica of ${agreed} in 10 to 20 s`;
  }
  if (node.role !== 'replica') return null;
  if (node.follows !== before.follows)
    return `follows ${node.follows} now${node.isLinkUp ? '' : ', not in sync yet'}`;
  return node.isLinkUp && !before.isLinkUp ? `is in sync with ${node.follows}` : null;
}
