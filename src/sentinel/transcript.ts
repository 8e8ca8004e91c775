// For tests of the machine only: a scenario as a script of commands, and everything the machine did in it. The output
// is the assertion; it is kept beside the code in testdata/ and reviewed as a diff.
//
//   > pass 3000                 time goes by
//   > ask SENTINEL FAILOVER m1  a client's command; its answer is printed
//   > kill 10.0.1.1:6379        the process dies: connections end, new ones are refused
//   > revive 10.0.1.1:6379      it listens again (as primary, after a crash)
//   > set 10.0.1.2:6379 priority=0 obeys=no linkUp=no mute=yes role=master
//   > peers up|down|mute|rival|split  what peers answer when they are asked about the master
//   > disk ENOSPC|ok            what becomes of a save
//   # a comment

import { array, bulk, integer, type Reply } from '../resp/reply.ts';
import { Cast, PEER_1_ID, trio, type Node } from './test-cast.ts';
import type { Stage } from './test-kit.ts';

const OPINIONS: Readonly<Record<string, Cast['opinion']>> = {
  down: new Cast().opinion,
  up: () => array([integer(0), bulk('*'), integer(0)]),
  mute: () => null,
  /** They hold it down, and have voted for another. */
  rival: (_peer, epoch, candidate) =>
    array([
      integer(1),
      bulk(candidate === '*' ? '*' : PEER_1_ID),
      integer(candidate === '*' ? 0 : Number(epoch)),
    ]),
  /** Each has voted for itself. */
  split: (peer, epoch, candidate) =>
    array([
      integer(1),
      bulk(candidate === '*' ? '*' : peer.replaceAll(/\D/g, '').padEnd(40, '0')),
      integer(candidate === '*' ? 0 : Number(epoch)),
    ]),
};

function replyText(reply: Reply | null): string {
  if (reply === null) return '(later)';
  switch (reply.kind) {
    case 'simple':
      return `+${reply.text}`;
    case 'error':
      return `-${reply.text}`;
    case 'integer':
      return `:${reply.value}`;
    case 'bulk':
      return JSON.stringify(reply.value);
    case 'array':
      return `[${reply.items.map(replyText).join(' ')}]`;
    default:
      return `(${reply.kind})`;
  }
}

class Scene {
  readonly #stage: Stage;
  readonly #cast: Cast;
  readonly #dead = new Map<string, Node>();
  #seenEffects = 0;
  #seenSends = 0;

  constructor() {
    const { stage, cast } = trio();
    this.#stage = stage;
    this.#cast = cast;
    this.#news();
  }

  /** Does what one line says; the lines it is followed by. */
  play(line: string): string[] {
    const stage = this.#stage;
    const [command, ...words] = line.slice(2).split(' ');
    const [first = ''] = words;
    switch (command) {
      case 'pass':
        stage.pass(Number(first));
        return this.#news();
      case 'ask': {
        const answer = replyText(stage.ask(...words));
        return [answer, ...this.#news()];
      }
      case 'kill': {
        const node = this.#cast.nodes.get(first);
        if (node !== undefined) this.#dead.set(first, node);
        this.#cast.nodes.delete(first);
        stage.kill(first);
        return this.#news();
      }
      case 'revive': {
        const node = this.#dead.get(first);
        if (node !== undefined) this.#cast.nodes.set(first, node);
        stage.isListening = () => true;
        return this.#news();
      }
      case 'set': {
        const node = this.#cast.nodes.get(first);
        for (const word of words.slice(1)) {
          const [key = '', value = ''] = word.split('=');
          const typed = /^\d+$/.test(value)
            ? Number(value)
            : value === 'yes' || value === 'no'
              ? value === 'yes'
              : value;
          Object.assign(node ?? {}, { [key]: typed });
        }
        return [];
      }
      case 'peers':
        this.#cast.opinion = OPINIONS[first] ?? this.#cast.opinion;
        return [];
      case 'disk':
        stage.disk = first;
        return [];
      default:
        throw new Error(`what is '${line}'?`);
    }
  }

  /** What happened since the last time, without the noise of PING, INFO and links coming and going. */
  #news(): string[] {
    const stage = this.#stage;
    const lines: { at: number; text: string }[] = [];
    for (const { at, effect } of stage.effects.slice(this.#seenEffects)) {
      if (effect.kind === 'event' && effect.level !== 'debug')
        lines.push({ at, text: `${effect.name} ${effect.text}` });
      else if (effect.kind === 'decision') lines.push({ at, text: `= ${effect.sentence}` });
      else if (effect.kind === 'log' && effect.level === 'warning')
        lines.push({ at, text: `! ${effect.text}` });
      else if (effect.kind === 'persist') lines.push({ at, text: 'persist' });
      else if (effect.kind === 'send') {
        const send = stage.sends[this.#seenSends];
        // What was sent to nobody is not among the stage's sends.
        if (send === undefined || send.args !== effect.args) continue;
        this.#seenSends += 1;
        const [name = ''] = send.args;
        if (!NOISE.has(name)) lines.push({ at, text: `-> ${send.to} ${send.args.join(' ')}` });
      }
    }
    this.#seenEffects = stage.effects.length;
    return lines.map(({ at, text }) => `${String(at).padStart(6)} ${text}`);
  }
}

const NOISE = new Set(['PING', 'INFO', 'PUBLISH', 'SUBSCRIBE', 'CLIENT', 'MULTI', 'CONFIG', 'EXEC', 'AUTH']);

/** Plays the commands and comments of a transcript; the transcript as it is now. */
export function replay(transcript: string): string {
  const scene = new Scene();
  const output: string[] = [];
  for (const line of transcript.split('\n')) {
    if (line.startsWith('#') || line === '') output.push(line);
    else if (line.startsWith('> ')) output.push(line, ...scene.play(line));
  }
  return output.join('\n');
}
