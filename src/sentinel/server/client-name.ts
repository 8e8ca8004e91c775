// The names clients give themselves and their libraries: CLIENT SETNAME, GETNAME, SETINFO (sentinel.md §1.6).

import { bulk, error, NULL, OK } from '../../resp/reply.ts';
import type { OwnHandler } from './desk.ts';
import { errorLine } from './replies.ts';

export const NAME_ERROR = error('ERR Client names cannot contain spaces, newlines or special characters.');

/** Whether a text can stand in a line of CLIENT LIST: printable ASCII without blanks. */
export function isClientText(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

export const clientGetname: OwnHandler = ({ session }) => (session.name === '' ? NULL : bulk(session.name));

/** An empty name takes the name away. */
export const clientSetname: OwnHandler = ({ session, args }) => {
  const name = args[2] ?? '';
  if (!isClientText(name)) return NAME_ERROR;
  session.name = name;
  return OK;
};

export const clientSetinfo: OwnHandler = ({ session, args }) => {
  const [, , attribute = '', value = ''] = args;
  const key = attribute.toLowerCase();
  if (key !== 'lib-name' && key !== 'lib-ver') return errorLine(`ERR Unrecognized option '${attribute}'`);
  if (!isClientText(value)) return error(`ERR ${key} cannot contain spaces, newlines or special characters.`);
  if (key === 'lib-name') session.libraryName = value;
  else session.libraryVersion = value;
  return OK;
};
