// Commands and replies -> byte strings. A socket writes those as `latin1`, in one copy; several are joined by `+` and
// leave in one write.

import { unreachable } from '../base/assert.ts';
import type { Protocol, Reply } from './reply.ts';
import { formatDouble } from './scalars.ts';

/** A command as a client sends it: an array of bulk strings. `args` are byte strings, and not empty. */
export function encodeCommand(args: readonly string[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += encodeBulk(arg);
  return text;
}

/**
 * A reply as a server sends it. In RESP2, kinds it does not have become the nearest it has: a map an array of keys
 * and values in turn, a set or push an array, a boolean 0 or 1, a double, big number or verbatim string a bulk string.
 * In RESP3 both nulls are `_`. CR and LF in a simple string or an error become spaces.
 */
export function encodeReply(reply: Reply, protocol: Protocol): string {
  switch (reply.kind) {
    case 'simple':
      return `+${oneLine(reply.text)}\r\n`;
    case 'error':
      return `-${oneLine(reply.text)}\r\n`;
    case 'integer':
      return `:${reply.value}\r\n`;
    case 'bulk':
      return encodeBulk(reply.value);
    case 'null':
      return protocol === 3 ? '_\r\n' : '$-1\r\n';
    case 'null-array':
      return protocol === 3 ? '_\r\n' : '*-1\r\n';
    case 'array':
      return encodeItems('*', reply.items, protocol);
    case 'set':
      return encodeItems(protocol === 3 ? '~' : '*', reply.items, protocol);
    case 'push':
      return encodeItems(protocol === 3 ? '>' : '*', reply.items, protocol);
    case 'map': {
      const { entries } = reply;
      let text = protocol === 3 ? `%${entries.length}\r\n` : `*${2 * entries.length}\r\n`;
      for (const [key, value] of entries) text += encodeReply(key, protocol) + encodeReply(value, protocol);
      return text;
    }
    case 'double': {
      const text = formatDouble(reply.value);
      return protocol === 3 ? `,${text}\r\n` : encodeBulk(text);
    }
    case 'boolean':
      if (protocol === 3) return reply.value ? '#t\r\n' : '#f\r\n';
      return reply.value ? ':1\r\n' : ':0\r\n';
    case 'big-number':
      return protocol === 3 ? `(${reply.value}\r\n` : encodeBulk(reply.value.toString());
    case 'verbatim':
      if (protocol === 2) return encodeBulk(reply.value);
      return `=${reply.value.length + 4}\r\n${reply.format}:${reply.value}\r\n`;
    default:
      return unreachable(reply, 'a reply is of a known kind');
  }
}

function encodeBulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function encodeItems(type: string, items: readonly Reply[], protocol: Protocol): string {
  let text = `${type}${items.length}\r\n`;
  for (const item of items) text += encodeReply(item, protocol);
  return text;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, ' ');
}
