// Does to the fleet what a person, or a script, asks for (fault-table.ts), and tells so in the story.

import type { SwitchResult } from '../daemon/endpoint/endpoint-daemon.ts';
import { orderControlSocket } from './ask.ts';
import type { Fault } from './fault-table.ts';
import type { Names } from './names.ts';
import { type Picture, agreedPrimary } from './picture.ts';
import type { Scene, SceneNode } from './scene.ts';
import type { Story } from './story.ts';

/** A switch may wait for what the members do. */
const SWITCH_MS_MAX = 20_000;

export class Faults {
  readonly #scene: Scene;
  readonly #names: Names;
  readonly #story: Story;
  /** In the order they were stopped. */
  #stopped: SceneNode[] = [];

  constructor(scene: Scene, names: Names, story: Story) {
    this.#scene = scene;
    this.#names = names;
    this.#story = story;
  }

  /** Does it, and tells so. Returns why it can't be done, as a sentence; null if it was. */
  async commit(fault: Fault, picture: Picture): Promise<string | null> {
    const problem = await this.#carryOut(fault, picture);
    if (problem !== null) this.#tell(`can't ${fault.label}: ${problem}`);
    return problem;
  }

  async #carryOut({ name }: Fault, picture: Picture): Promise<string | null> {
    switch (name) {
      case 'kill-primary':
        return this.#kill(this.#primary(picture));
      case 'freeze-primary':
        return this.#freeze(this.#primary(picture));
      case 'thaw':
        return this.#thaw();
      case 'switchover':
        return this.#switchOver();
      case 'restart':
        return this.#restart();
    }
  }

  #primary(picture: Picture): SceneNode | null {
    const agreed = agreedPrimary(picture.members);
    return this.#scene.nodes.find(({ name }) => name === agreed?.name) ?? null;
  }

  async #kill(node: SceneNode | null): Promise<string | null> {
    if (node === null) return 'the members do not agree who is primary';
    if (node.state === 'stopped' || node.state === 'starting') return `${node.name} is not running`;
    this.#tell(`kill -9 ${node.name} (pid ${node.server.pid})`);
    node.state = 'stopped';
    this.#stopped.push(node);
    await node.server.kill();
    return null;
  }

  #freeze(node: SceneNode | null): string | null {
    if (node === null) return 'the members do not agree who is primary';
    if (node.state !== 'running') return `${node.name} is ${node.state}`;
    this.#tell(`freeze ${node.name} (SIGSTOP pid ${node.server.pid})`);
    node.state = 'frozen';
    node.server.freeze();
    return null;
  }

  #thaw(): string | null {
    const frozen = this.#scene.nodes.filter(({ state }) => state === 'frozen');
    for (const node of frozen) {
      this.#tell(`thaw ${node.name} (SIGCONT pid ${node.server.pid})`);
      node.server.thaw();
      node.state = 'running';
    }
    return frozen.length === 0 ? 'nothing is frozen' : null;
  }

  async #switchOver(): Promise<string | null> {
    const { endpoint } = this.#scene;
    if (endpoint === null) return 'there is no endpoint yet';
    this.#tell('have the endpoint switch over (baton endpoint switch)');
    const answer = await orderControlSocket(endpoint.socketPath, '/switch', {}, SWITCH_MS_MAX);
    if (answer === null) return 'the endpoint does not answer';
    const { isDone, sentence } = answer as SwitchResult;
    return isDone ? null : this.#names.within(sentence);
  }

  async #restart(): Promise<string | null> {
    const node = this.#stopped.findLast(({ state }) => state === 'stopped');
    if (node === undefined) return 'nothing was killed';
    this.#stopped = this.#stopped.filter((one) => one !== node);
    this.#tell(`restart ${node.name}`);
    try {
      await this.#scene.startNode(node);
      return null;
    } catch (error) {
      this.#stopped.push(node);
      return error instanceof Error ? error.message : String(error);
    }
  }

  #tell(sentence: string): void {
    this.#story.add('you', sentence);
  }
}
