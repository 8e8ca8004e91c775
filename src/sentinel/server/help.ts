// What HELP prints for a command with subcommands: from the table, so that it cannot lag behind it.

import { array, simple, type Reply } from '../../resp/reply.ts';
import { ownName, type Command } from './command.ts';

const WIDTH = 76;

/** An array of simple strings: a header, then each form of each subcommand and what it does; HELP itself comes last. */
export function helpReply(parent: Command): Reply {
  const listed = parent.subcommands.filter((subcommand) => subcommand.isListed);
  const last = listed.filter((subcommand) => ownName(subcommand) === 'help');
  const lines = [`${parent.name.toUpperCase()} <subcommand> [<arg> [<arg> ...]]. The subcommands are:`];
  for (const subcommand of [...listed.filter((other) => !last.includes(other)), ...last]) {
    const name = ownName(subcommand).toUpperCase();
    for (const usage of subcommand.usages) lines.push(`${name} ${usage}`.trimEnd());
    lines.push(...wrap(subcommand.summary).map((line) => `    ${line}`));
  }
  return array(lines.map(simple));
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
