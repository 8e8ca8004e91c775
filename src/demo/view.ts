// The live screen as lines of text: a pure function of a picture, the terminal's size and how it may be decorated.

import { type Column, displayWidth, pad, renderTable } from '../base/text-table.ts';
import { FAULTS } from './fault-table.ts';
import { agreedPrimary, whatIsMissing } from './picture.ts';
import type { MemberPicture, NodePicture, Picture, StoryEntry } from './picture.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  /** Colours text, or leaves it as it is. */
  readonly paint: (style: Style, text: string) => string;
  /** Whether the terminal shows more than ASCII. */
  readonly hasUnicode: boolean;
}

/** Narrower terminals lose the ends of lines. */
const COLUMNS_MIN = 40;
/** Blanks left of everything. */
const MARGIN = ' ';

/** At most `frame.rows` lines, each shorter than `frame.columns`: the last column stays free. */
export function renderView(picture: Picture, frame: Frame): string[] {
  const width = Math.max(COLUMNS_MIN, frame.columns) - 2 * MARGIN.length;
  const top = [
    headline(picture, frame, width),
    stateLine(picture, frame),
    '',
    ...nodeTable(picture, frame),
    '',
    ...memberTable(picture, frame),
    '',
    endpointLine(picture, frame),
    ...writerLines(picture, frame, width),
    '',
  ];
  const help = helpLine(frame);
  const room = Math.max(0, frame.rows - top.length - 2);
  const story = storyLines(picture.story, frame, width, room);
  const filled = [...top, ...story, ...Array.from({ length: room - story.length + 1 }, () => ''), help];
  return filled
    .slice(-frame.rows)
    .map((line) => (line === '' ? '' : cut(`${MARGIN}${line}`, frame.columns - 1)));
}

function headline(picture: Picture, { paint }: Frame, width: number): string {
  const left = `${paint('bold', 'Baton demo')}  ${paint('dim', picture.setting)}`;
  const up = clock(picture.at - picture.startedAt);
  return left + pad(up, Math.max(up.length + 2, width - displayWidth(left)), 'right');
}

function stateLine(picture: Picture, { paint, hasUnicode }: Frame): string {
  const dot = hasUnicode ? '●' : '*';
  const agreed = agreedPrimary(picture.members);
  const missing = whatIsMissing(picture);
  if (agreed === null) return paint('yellow', `${dot} ${missing}`);
  const who = `${paint('bold', agreed.name)} is primary in epoch ${paint('bold', agreed.epoch)}`;
  return missing === null
    ? `${paint('green', dot)} ${who}: all members agree, writes flow`
    : `${paint('yellow', dot)} ${who}, but ${paint('yellow', missing)}`;
}

function nodeTable(picture: Picture, { paint, hasUnicode }: Frame): string[] {
  const columns: Column[] = [
    { heading: pad('NODE', nameWidth(picture)) },
    { heading: 'PORT', align: 'right' },
    { heading: pad('ROLE', 'replica of redis-1, no link'.length) },
    { heading: pad('OFFSET', 'OFFSET'.length + 6, 'right'), align: 'right' },
    { heading: pad('BEHIND', 'BEHIND'.length + 2, 'right'), align: 'right' },
    { heading: 'PROCESS' },
  ];
  const none = hasUnicode ? '–' : '-';
  const agreed = agreedPrimary(picture.members)?.name ?? null;
  const rows = picture.nodes.map((node) => [
    node.role === 'primary' ? paint('bold', node.name) : node.name,
    String(node.port),
    roleOf(node, agreed, none, paint),
    node.offset === null ? none : thousands(node.offset),
    node.lagBytes === null ? none : bytes(node.lagBytes),
    processOf(node, paint),
  ]);
  return renderTable(columns, rows, (text) => paint('dim', text));
}

function roleOf(node: NodePicture, agreed: string | null, none: string, paint: Frame['paint']): string {
  if (node.role === null) return none;
  if (node.role === 'primary') {
    return node.name === agreed
      ? paint('bold', paint('green', 'primary'))
      : paint('yellow', 'takes itself for primary');
  }
  const text = `replica of ${node.follows}`;
  return node.isLinkUp ? text : `${text}, ${paint('yellow', 'no link')}`;
}

function processOf({ state, role }: NodePicture, paint: Frame['paint']): string {
  if (state === 'stopped') return paint('red', 'killed');
  if (state === 'frozen') return paint('cyan', 'frozen');
  if (state === 'starting') return paint('yellow', 'starting');
  return role === null ? paint('yellow', 'silent') : 'running';
}

function memberTable(picture: Picture, frame: Frame): string[] {
  const { paint } = frame;
  const columns: Column[] = [
    { heading: pad('MEMBER', nameWidth(picture)) },
    { heading: 'PORT', align: 'right' },
    { heading: 'PRIMARY' },
    { heading: 'EPOCH', align: 'right' },
    { heading: 'THINKS' },
  ];
  const agreed = agreedPrimary(picture.members)?.name ?? null;
  const rows = picture.members.map((member) => [
    member.name,
    String(member.port),
    primaryOf(member, agreed, frame),
    member.answers ? member.configEpoch : '',
    member.concerns.length === 0
      ? paint('green', 'all is well')
      : paint('yellow', member.concerns.join('; ')),
  ]);
  return renderTable(columns, rows, (text) => paint('dim', text));
}

function primaryOf({ primary }: MemberPicture, agreed: string | null, { paint, hasUnicode }: Frame): string {
  if (primary === null) return hasUnicode ? '–' : '-';
  return primary === agreed ? primary : paint('yellow', primary);
}

function nameWidth({ nodes, members }: Picture): number {
  return Math.max(...[...nodes, ...members].map(({ name }) => name.length));
}

function endpointLine({ endpoint, members }: Picture, { paint, hasUnicode }: Frame): string {
  const { port, answers, leadsTo, because } = endpoint;
  const agreed = agreedPrimary(members)?.name ?? null;
  const where = answers && leadsTo !== null ? `leads to ${leadsTo}` : `leads nowhere: ${because}`;
  return [
    `${paint('dim', 'ENDPOINT')}  ${paint('bold', `port ${port}`)} `,
    leadsTo !== null && leadsTo === agreed ? where : paint('yellow', where),
    leadsTo === null ? '' : `${hasUnicode ? ' · ' : ', '}one plain port, all the writer knows`,
  ].join('');
}

function writerLines({ writer, writesPerTick }: Picture, frame: Frame, width: number): string[] {
  const { paint } = frame;
  const lost = writer.lost > 0 ? paint('red', thousands(writer.lost)) : paint('green', '0');
  const counts = [
    `${paint('bold', thousands(writer.acknowledged))} acknowledged, ${lost} of them lost`,
    `${writer.errors > 0 ? paint('yellow', thousands(writer.errors)) : '0'} failed`,
    `longest gap ${duration(writer.longestGapMs)}`,
  ].join(frame.hasUnicode ? ' · ' : ', ');
  return [
    `${paint('dim', pad('WRITES', 'ENDPOINT'.length))}  ${counts}`,
    bars(writesPerTick.slice(-width), frame),
  ];
}

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BLOCKS = ['.', ':', '-', '=', '+', '*', '#', '#'];

/** A bar for each of the last moments, as high as writes were acknowledged in it; none at all is red. */
function bars(counts: readonly number[], { paint, hasUnicode }: Frame): string {
  // The usual is near the top; a burst after a stall must not make it look low.
  const sorted = counts.filter((count) => count > 0).sort((a, b) => a - b);
  const usual = sorted[Math.floor(sorted.length * 0.75)] ?? 1;
  const blocks = hasUnicode ? BLOCKS : ASCII_BLOCKS;
  return counts
    .map((count) => {
      if (count === 0) return paint('red', hasUnicode ? '▁' : '_');
      const height = Math.min(blocks.length - 1, Math.round((count / usual) * (blocks.length - 2)));
      return paint('green', blocks[height] ?? '');
    })
    .join('');
}

/** The newest entries that fit into `room` lines under their heading, newest last. */
function storyLines(story: readonly StoryEntry[], frame: Frame, width: number, room: number): string[] {
  if (room < 2) return [];
  const lines: string[] = [];
  for (const entry of story.toReversed()) {
    const block = storyBlock(entry, frame, width);
    if (lines.length + block.length > room - 1) break;
    lines.unshift(...block);
  }
  return [frame.paint('dim', 'WHAT HAPPENED'), ...lines];
}

function storyBlock({ at, who, sentence }: StoryEntry, { paint }: Frame, width: number): string[] {
  const indent = 'hh:mm:ss.mmm'.length + 2;
  const actor = shortList(who);
  const style = actor === 'you' ? 'cyan' : 'dim';
  const padded = pad(actor, 'baton-1,2,3'.length);
  const start = indent + padded.length + 2;
  return wrap(sentence, Math.max(20, width - start)).map((line, index) =>
    index === 0
      ? `${paint('dim', timeOfDay(at))}  ${paint(style, padded)}  ${styled(sentence, line, paint)}`
      : `${' '.repeat(start)}${styled(sentence, line, paint)}`,
  );
}

/** The sentences that matter most stand out. */
function styled(sentence: string, line: string, paint: Frame['paint']): string {
  return /^(promoting|failover of|elected|switched|the fleet is whole|writes (?:reach|flow))/.test(sentence)
    ? paint('bold', line)
    : line;
}

function helpLine({ paint }: Frame): string {
  const keys = [...FAULTS.map(({ key, label }) => [key, label]), ['q', 'quit']];
  return keys.map(([key = '', label = '']) => `${paint('bold', paint('cyan', key))} ${label}`).join('  ');
}

/** `baton-1`, `baton-3` as `baton-1,3`. */
export function shortList(names: readonly string[]): string {
  const [first = '', ...others] = names;
  const prefix = first.replace(/\d+$/, '');
  return [first, ...others.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name))].join(
    ',',
  );
}

/** Breaks at blanks; a word longer than the line stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const COLOUR_OR_CHARACTER = /\u001b\[[0-9;]*m|./gu;

/** The first `width` cells; colour codes take no room and are all kept, so that what was opened is closed. */
function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let room = width;
  let kept = '';
  for (const [part] of text.matchAll(COLOUR_OR_CHARACTER)) {
    if (part.startsWith('\u001b')) kept += part;
    else if (room > 0) {
      kept += part;
      room -= 1;
    }
  }
  return kept;
}

/** Local time, to the millisecond: a failover is over in some thirty of them. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `69 ms` or `1.15 s`. */
export function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

export function thousands(number: number): string {
  return String(Math.round(number)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

function bytes(count: number): string {
  if (count < 10_000) return `${count} B`;
  return count < 10_000_000 ? `${(count / 1_000).toFixed(0)} kB` : `${(count / 1_000_000).toFixed(0)} MB`;
}

/** Minutes and seconds since the start. */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
