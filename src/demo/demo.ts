// `baton demo` from its start to its end: sets the scene, shows it live or line by line, and leaves nothing behind.

import { fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../base/assert.ts';
import { findServer } from '../redis/find-server.ts';
import type { ServerFiles } from '../redis/server-files.ts';
import { FAULTS, type Fault } from './fault-table.ts';
import { Faults } from './faults.ts';
import { Names } from './names.ts';
import { Observer } from './observer.ts';
import type { StoryEntry } from './picture.ts';
import { DOWN_AFTER_MS, Scene, versionOf } from './scene.ts';
import { type StepReport, runScript } from './script.ts';
import { MERGE_MS, Story } from './story.ts';
import { Terminal } from './terminal.ts';
import { type Frame, duration, renderView, shortList, thousands, timeOfDay } from './view.ts';
import { type Moved, Writer } from './writer.ts';

export interface DemoOptions {
  /** What was started as `baton`: an absolute path. */
  readonly program: string;
  readonly nodes: number;
  readonly members: number;
  readonly fastCrash: boolean;
  /** Lines instead of a live screen, even on a terminal. */
  readonly isPlain: boolean;
  /** The faults to run; null: a person decides. */
  readonly script: readonly Fault[] | null;
  /** The summary as JSON on standard output; the lines go to standard error. Only with a script. */
  readonly isJson: boolean;
  /** Colours text for the terminal, or leaves it as it is. */
  readonly paint: Frame['paint'];
}

/** What a script came to. */
interface Summary {
  readonly ok: boolean;
  /** Why it failed; null if it did not. */
  readonly reason: string | null;
  readonly steps: readonly StepReport[];
  readonly writes: {
    readonly acknowledged: number;
    readonly failed: number;
    readonly longestGapMs: number;
    readonly lost: number;
  };
}

/** Everything that one run is made of. */
interface Performance {
  readonly options: DemoOptions;
  readonly scene: Scene;
  readonly story: Story;
  readonly writer: Writer;
  readonly observer: Observer;
  readonly faults: Faults;
  readonly moves: readonly Moved[];
  /** Ends everything. */
  readonly ending: AbortController;
  readonly screen: Terminal | null;
}

/** Runs the demo. Resolves to the exit code when nothing of it is left. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const ending = new AbortController();
  const stopListening = endOnSignals(ending);
  const say = sayTo(options.isJson ? process.stderr : process.stdout, ending);
  try {
    say('finding a Redis or Valkey server');
    const found = await findServer({ onProgress: (step) => say(`  ${step}`) });
    if (!found.ok) {
      process.stderr.write(`baton: ${found.problem.sentence}\n`);
      return 1;
    }
    if (ending.signal.aborted) return exitCodeOfInterruption(options);
    return await perform(found.value, options, ending, say);
  } catch (error) {
    if (ending.signal.aborted) return exitCodeOfInterruption(options);
    process.stderr.write(`baton: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    stopListening();
  }
}

async function perform(
  files: ServerFiles,
  options: DemoOptions,
  ending: AbortController,
  say: (line: string) => void,
): Promise<number> {
  const { program, nodes, members, fastCrash } = options;
  const product = `${files.flavor === 'redis' ? 'Redis' : 'Valkey'} ${versionOf(files)}`;
  say(`  using ${files.server}, ${product} (${files.origin})`);
  say(`starting 1 primary, ${nodes - 1} replicas, ${members} members and an endpoint on 127.0.0.1`);
  const scene = new Scene({ files, program, nodes, members, fastCrash });
  const abandon = (): void => void scene.dispose();
  ending.signal.addEventListener('abort', abandon);
  try {
    await scene.start();
    ending.signal.removeEventListener('abort', abandon);
    for (const { name, port } of actorsOf(scene)) say(`  ${name} on port ${port}`);
    say(
      fastCrash
        ? `silence for ${DOWN_AFTER_MS} ms is down, a crashed process at once (--fast-crash yes)`
        : `silence for ${DOWN_AFTER_MS} ms is down, and a crash is silence (--fast-crash no)`,
    );
    const setting = [
      product,
      `quorum ${scene.quorum} of ${members}`,
      `down after ${DOWN_AFTER_MS / 1_000} s`,
      `fast-crash ${fastCrash ? 'on' : 'off'}`,
    ].join(', ');
    const played = prepare(scene, setting, options, ending);
    try {
      return await play(played, say);
    } finally {
      played.screen?.leave();
      ending.abort();
      await played.writer.stop();
      const { acknowledged, errors, longestGapMs, lost } = played.writer.picture();
      say(
        `${thousands(acknowledged)} writes acknowledged, ${thousands(lost)} of them lost; ${thousands(errors)} failed, longest gap ${duration(longestGapMs)}`,
      );
    }
  } finally {
    await scene.dispose();
    say('stopped; nothing is left');
  }
}

function actorsOf({ nodes, members, endpoint }: Scene): { readonly name: string; readonly port: number }[] {
  return [...nodes, ...members, ...(endpoint === null ? [] : [endpoint])];
}

function prepare(scene: Scene, setting: string, options: DemoOptions, ending: AbortController): Performance {
  const { endpoint } = scene;
  assert(endpoint !== null, 'a scene that has started has an endpoint');
  const names = new Names(actorsOf(scene));
  const story = new Story(names);
  const moves: Moved[] = [];
  const writer = new Writer({
    port: endpoint.port,
    onMoved: (moved) => {
      moves.push(moved);
      story.add('writer', describeMove(moved, names));
    },
  });
  const faults = new Faults(scene, names, story);
  const { stdin, stdout } = process;
  const isLive = options.script === null && !options.isPlain && stdin.isTTY && stdout.isTTY;
  let draw = (): void => undefined;
  const observer = new Observer({ scene, names, story, writer, setting, onPicture: () => draw() });
  let screen: Terminal | null = null;
  if (isLive) {
    const { paint } = options;
    const hasUnicode = /utf-?8/i.test(
      process.env['LC_ALL'] || process.env['LC_CTYPE'] || process.env['LANG'] || '',
    );
    const terminal = new Terminal({
      input: stdin,
      output: stdout,
      onKey: (key) => {
        pressKey(key, faults, observer, ending);
        // At once: a failover is over before the next picture, and its sentences push what caused it off the screen.
        draw();
      },
      onResize: () => draw(),
      onGone: () => ending.abort(),
    });
    screen = terminal;
    draw = () => {
      const { columns, rows } = terminal;
      const { picture } = observer;
      if (picture !== null) terminal.draw(renderView(picture, { columns, rows, paint, hasUnicode }));
    };
  }
  return { options, scene, story, writer, observer, faults, moves, ending, screen };
}

/** Until it is over; the exit code. */
async function play(played: Performance, say: (line: string) => void): Promise<number> {
  const { options, story, writer, observer, ending, screen } = played;
  writer.start();
  const observing = observer.run(ending.signal);
  if (screen !== null) {
    screen.enter();
    await observing;
    return 0;
  }

  const telling = tellStory(story, ending.signal, say);
  if (options.script === null) takeKeysFromLines(played);
  else return await playScript(played, options.script, say);
  await Promise.all([observing, telling]);
  return 0;
}

async function playScript(
  { options, story, writer, observer, faults, moves, ending }: Performance,
  script: readonly Fault[],
  say: (line: string) => void,
): Promise<number> {
  const outcome = await runScript({
    script,
    faults,
    observer,
    writer,
    moves,
    signal: ending.signal,
    onStep: ({ fault, wholeAfterMs, primary, epoch, failed, lost }) => {
      const cost = `writes failed: ${thousands(failed)}, lost: ${lost === null ? '?' : thousands(lost)}`;
      story.add(
        'script',
        `${fault} is over: whole after ${duration(wholeAfterMs)}, ${primary} is primary in epoch ${epoch}; ${cost}`,
      );
    },
  });
  if (outcome.ok) await writer.lookForLosses();
  for (const entry of story.tell(Infinity)) say(storyLine(entry));
  const { acknowledged, errors, longestGapMs, lost } = writer.picture();
  const summary: Summary = {
    ok: outcome.ok,
    reason: outcome.ok ? null : outcome.problem,
    steps: outcome.ok ? outcome.value : [],
    writes: { acknowledged, failed: errors, longestGapMs: Math.round(longestGapMs), lost },
  };
  if (options.isJson) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  say(
    summary.ok
      ? `script done: ${script.map(({ name }) => name).join(', ')}`
      : `script failed: ${summary.reason}`,
  );
  return summary.ok ? 0 : 1;
}

/** Prints the story as it goes on; each entry once no other member can join in it. */
async function tellStory(story: Story, signal: AbortSignal, say: (line: string) => void): Promise<void> {
  while (!signal.aborted) {
    await sleep(100, null, { signal }).catch(() => null);
    for (const entry of story.tell(signal.aborted ? Infinity : Date.now() - MERGE_MS)) say(storyLine(entry));
  }
}

function storyLine({ at, who, sentence }: StoryEntry): string {
  return `${timeOfDay(at)}  ${shortList(who).padEnd('baton-1,2,3'.length)}  ${sentence}`;
}

function describeMove({ port, gapMs, lost }: Moved, names: Names): string {
  const kept =
    lost === null
      ? 'whether acknowledged writes are missing there could not be asked'
      : lost === 0
        ? 'every acknowledged write is there'
        : `acknowledged writes missing there: ${thousands(lost)}`;
  return `writes reach ${names.ofPort(port)} after a gap of ${duration(gapMs)}; ${kept}`;
}

function pressKey(key: string, faults: Faults, observer: Observer, ending: AbortController): void {
  if (key === 'q' || key === '\u0003') ending.abort();
  const fault = FAULTS.find((one) => one.key === key);
  const { picture } = observer;
  if (fault !== undefined && picture !== null) void faults.commit(fault, picture);
}

/** Without a live screen, a line with a fault's key or name does the same; when the input ends, so does the demo. */
function takeKeysFromLines({ faults, observer, ending }: Performance): void {
  const { stdin } = process;
  // What has no end of its own to wait for (/dev/null) is nobody who could leave.
  if (!stdin.isTTY && fstatSync(0).isCharacterDevice()) return;
  let rest = '';
  stdin.setEncoding('utf8');
  stdin.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const word of lines.map((line) => line.trim())) {
      const key = FAULTS.find(({ name }) => name === word)?.key ?? (word === 'quit' ? 'q' : word);
      pressKey(key, faults, observer, ending);
    }
  });
  stdin.on('end', () => ending.abort());
  stdin.on('error', () => ending.abort());
  ending.signal.addEventListener('abort', () => stdin.destroy());
}

/** Prints lines; a reader that has gone away ends the demo. */
function sayTo(output: NodeJS.WriteStream, ending: AbortController): (line: string) => void {
  output.on('error', () => ending.abort());
  return (line) => void output.write(`${line}\n`);
}

/** The first signal ends the demo in order, another at once: children and folders go in any case. */
function endOnSignals(ending: AbortController): () => void {
  const end = (): void => {
    if (ending.signal.aborted) process.exit(1);
    ending.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
}

/** A person who stops the demo has seen enough; a script that was stopped has not done its work. */
function exitCodeOfInterruption({ script }: DemoOptions): number {
  return script === null ? 0 : 1;
}
