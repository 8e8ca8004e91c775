// Replies of both protocols as text, for comparing what two servers answered. With a few lines of its own instead of our
// codec, so that a mistake there can't hide itself.

/** Said by an ECHO before a command: how its reply is compared. By its elements, in any order; */
export const AS_A_SET = '(as a set)';
/** by its type, and for errors the first word; */
export const ALIKE = '(alike)';
/** not at all. */
export const WHATEVER = '(whatever)';

/** Where the reply that begins at `start` ends. Throws if it is cut short, or is none. */
function endOf(text: string, start: number): number {
  const line = text.indexOf('\r\n', start);
  if (line === -1) throw new RangeError(`cut short: ${JSON.stringify(text.slice(start, start + 60))}`);
  const count = Number(text.slice(start + 1, line));
  const after = line + 2;
  switch (text[start]) {
    case '+':
    case '-':
    case ':':
    case '_':
    case '#':
    case ',':
    case '(':
      return after;
    case '$':
    case '!':
    case '=':
      return count < 0 ? after : after + count + 2;
    case '*':
    case '~':
    case '>':
      return skip(text, after, count);
    case '%':
      return skip(text, after, 2 * count);
    case '|':
      return endOf(text, skip(text, after, 2 * count));
    default:
      throw new RangeError(`no reply: ${JSON.stringify(text.slice(start, start + 60))}`);
  }
}

function skip(text: string, start: number, count: number): number {
  let at = start;
  for (let left = count; left > 0; left--) at = endOf(text, at);
  return at;
}

/** Each reply, and each message between them, by itself. */
function repliesIn(text: string): string[] {
  const replies: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = endOf(text, at);
    replies.push(text.slice(at, end));
    at = end;
  }
  return replies;
}

/** The same text for all replies that differ in nothing but the order of elements, at any depth. */
function sorted(reply: string): string {
  if (!/^[*~%]\d/.test(reply)) return reply;
  const head = reply.indexOf('\r\n') + 2;
  const elements: string[] = [];
  for (let at = head; at < reply.length;) {
    const end = endOf(reply, at);
    elements.push(sorted(reply.slice(at, end)));
    at = end;
  }
  return reply.slice(0, head) + elements.sort().join('');
}

function kindOf(reply: string): string {
  return reply.startsWith('-') ? (reply.split(/[ \r]/)[0] as string) : reply.slice(0, 1);
}

/** What two servers have to agree in, one text for each reply or message. */
export function comparable(text: string): string[] {
  const replies = repliesIn(text);
  let how = '';
  return replies.map((reply) => {
    if (reply.startsWith('>')) return reply;
    const before = how;
    how = /^\$\d+\r\n(\((?:as a set|alike|whatever)\))\r\n$/.exec(reply)?.[1] ?? '';
    switch (before) {
      case AS_A_SET:
        return sorted(reply);
      case ALIKE:
        return kindOf(reply);
      case WHATEVER:
        return WHATEVER;
      default:
        return reply;
    }
  });
}
