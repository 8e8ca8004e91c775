// What happened, as one story: the members' decisions and events, where the endpoint leads, what was done to the nodes,
// what the writer felt.
// Members that find the same at the same time become one entry.

import type { JournalDecision, JournalEvent } from '../daemon/journal.ts';
import type { EndpointDecisionEntry } from '../daemon/endpoint/endpoint-journal.ts';
import type { Status } from '../daemon/sentinel-daemon.ts';
import type { Names } from './names.ts';
import type { StoryEntry } from './picture.ts';

/** Equal sentences of different members this close together are one. */
export const MERGE_MS = 1_000;
const ENTRIES_KEPT = 500;

/** The events worth a sentence; the rest are steps that decisions already tell of, or only connections. */
const EVENT_SENTENCES: Readonly<Record<string, (words: readonly string[], text: string) => string | null>> = {
  '+sdown': (words) => `${subject(words)} is down (sdown)`,
  '-sdown': (words) => `${subject(words)} answers again`,
  '+odown': (words, text) =>
    `${subject(words)} is down for the quorum: ${/#quorum (\d+)/.exec(text)?.[1] ?? 'enough'} members agree (odown)`,
  '+vote-for-leader': ([candidate = '', epoch = '']) => `votes for ${candidate} in epoch ${epoch}`,
  '+try-failover': () => 'stands for election',
  '+slave-reconf-done': (words) => `${subject(words)} follows the new primary`,
  '+reboot': (words) => `${subject(words)} was restarted`,
  '+tilt': () => 'judges nobody for a while: its clock jumped (TILT)',
  '-tilt': () => 'judges again (end of TILT)',
};

/** Its other decisions are about whom it believes, which these repeat. A switch that failed is told by who ordered it. */
const TOLD_OF_ENDPOINT = /^(leads|switched)\b/;

/** `kind name ip port …`, as events name an instance, the address already replaced by a name (one word). */
function subject(words: readonly string[]): string {
  const [kind, name = '', actor = ''] = words;
  return kind === 'master' ? actor : name;
}

export class Story {
  readonly #names: Names;
  #entries: StoryEntry[] = [];
  /** Those that {@link tell} still has to return. */
  #untold: StoryEntry[] = [];
  /** How far the endpoint's journal was read. */
  #endpointRead: EndpointDecisionEntry | null = null;
  /** How far each member's journals were read. */
  readonly #read = new Map<string, { events: JournalEvent | null; decisions: JournalDecision | null }>();

  constructor(names: Names) {
    this.#names = names;
  }

  /** Oldest first. */
  get entries(): readonly StoryEntry[] {
    return this.#entries;
  }

  add(who: string, sentence: string, at = Date.now()): void {
    const entry = { at, who: [who], sentence };
    if (!join(this.#entries, entry)) {
      insert(this.#entries, entry);
      if (this.#entries.length > ENTRIES_KEPT) this.#entries.shift();
    }
    if (!join(this.#untold, entry)) insert(this.#untold, entry);
  }

  /** Reads on in a member's journals. */
  readJournals(member: string, status: Pick<Status, 'events' | 'decisions'>): void {
    const read = this.#read.get(member) ?? { events: null, decisions: null };
    for (const { at, sentence } of newerThan(status.decisions, read.decisions)) {
      this.add(member, this.#names.within(sentence), at);
    }
    for (const { at, name, text } of newerThan(status.events, read.events)) {
      const named = this.#names.within(text);
      const sentence = EVENT_SENTENCES[name]?.(named.split(' '), named) ?? null;
      if (sentence !== null) this.add(member, sentence, at);
    }
    this.#read.set(member, {
      events: status.events.at(-1) ?? read.events,
      decisions: status.decisions.at(-1) ?? read.decisions,
    });
  }

  /** Reads on in the endpoint's journal: where it leads, and what came of an ordered switch. */
  readEndpointJournal(
    endpoint: string,
    { decisions }: { readonly decisions: readonly EndpointDecisionEntry[] },
  ): void {
    for (const { at, sentence } of newerThan(decisions, this.#endpointRead)) {
      if (TOLD_OF_ENDPOINT.test(sentence)) this.add(endpoint, this.#names.within(sentence), at);
    }
    this.#endpointRead = decisions.at(-1) ?? this.#endpointRead;
  }

  /** The entries up to `until` that were not returned before: what plain output prints, once nobody can join them. */
  tell(until: number): StoryEntry[] {
    const told = this.#untold.filter(({ at }) => at <= until);
    this.#untold = this.#untold.filter(({ at }) => at > until);
    return told;
  }
}

/** Adds `entry` to an equal one of the same moment, if there is one that its actor is not in yet. */
function join(entries: StoryEntry[], entry: StoryEntry): boolean {
  const index = entries.findLastIndex(
    ({ at, sentence, who }) =>
      sentence === entry.sentence &&
      Math.abs(at - entry.at) <= MERGE_MS &&
      !entry.who.some((name) => who.includes(name)),
  );
  const other = entries[index];
  if (other === undefined) return false;
  // Taken out and put in again: it may begin earlier now.
  entries.splice(index, 1);
  insert(entries, {
    at: Math.min(other.at, entry.at),
    who: [...other.who, ...entry.who].sort(),
    sentence: entry.sentence,
  });
  return true;
}

function insert(entries: StoryEntry[], entry: StoryEntry): void {
  entries.splice(entries.findLastIndex(({ at }) => at <= entry.at) + 1, 0, entry);
}

/** What follows `last` in a journal that drops its oldest entries; all of it if `last` was dropped, or is null. */
function newerThan<Entry extends object>(journal: readonly Entry[], last: Entry | null): readonly Entry[] {
  if (last === null) return journal;
  const text = JSON.stringify(last);
  return journal.slice(journal.findLastIndex((entry) => JSON.stringify(entry) === text) + 1);
}
