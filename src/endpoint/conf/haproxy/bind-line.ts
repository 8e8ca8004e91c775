// `bind ADDRESS[,...] [options]`.

import type { Bind } from '../../endpoint-conf.ts';
import { hint } from '../../../base/suggest.ts';
import { parseBinds } from './addresses.ts';
import { show } from './report.ts';
import type { Cursor } from './statement.ts';
import { ANY_VERSION, onlyVersion, readVersion, type VersionRange } from './tls-versions.ts';

/** Taken without a word: they tune what we have no such thing for. The number is of values to pass over. */
const IGNORED: Readonly<Record<string, number>> = {
  name: 1,
  id: 1,
  backlog: 1,
  maxconn: 1,
  nice: 1,
  mss: 1,
  tfo: 0,
  process: 1,
  thread: 1,
  'defer-accept': 0,
  level: 1,
  v4v6: 0,
  alpn: 1,
  npn: 1,
  ciphers: 1,
  ciphersuites: 1,
  curves: 1,
  'no-tls-tickets': 0,
};
const UNSUPPORTED: readonly string[] = [
  'interface',
  'transparent',
  'namespace',
  'accept-netscaler-cip',
  'v6only',
  'crt-list',
  'tcp-ut',
];

export function readBind(cursor: Cursor): Bind[] {
  const { place } = cursor;
  const list = cursor.text('an address');
  if (list === null) return [];
  let isTls = false;
  const certificateFiles: string[] = [];
  let clientCaFile: string | null = null;
  let requiresClient = false;
  let versions: VersionRange | null = null;
  let acceptsProxyProtocol = false;
  let mode: number | null = null;
  let user: string | null = null;
  let group: string | null = null;
  for (let word = cursor.next(); word !== null; word = cursor.next()) {
    const at = cursor.placeOf(word);
    switch (word.text) {
      case 'ssl':
        isTls = true;
        break;
      case 'crt': {
        const file = cursor.text('a PEM file, or a folder of such');
        if (file !== null) certificateFiles.push(file);
        break;
      }
      case 'ca-file':
        clientCaFile = cursor.text('a PEM file');
        break;
      case 'verify':
        requiresClient = cursor.choice('verify', ['none', 'optional', 'required'] as const) === 'required';
        break;
      case 'accept-proxy':
        acceptsProxyProtocol = true;
        break;
      case 'mode': {
        const text = cursor.text('an octal mode');
        if (text !== null && /^[0-7]{3,4}$/.test(text)) mode = Number.parseInt(text, 8);
        else if (text !== null) cursor.report.error(at, 'mode is octal, for example 660');
        break;
      }
      case 'user':
      case 'uid':
        user = cursor.text('a user');
        break;
      case 'group':
      case 'gid':
        group = cursor.text('a group');
        break;
      default: {
        const values = IGNORED[word.text];
        const range = readVersion(word, cursor, versions ?? ANY_VERSION);
        if (range !== null) versions = range;
        else if (values !== undefined) {
          for (let count = 0; count < values; count++) cursor.next();
        } else if (UNSUPPORTED.includes(word.text)) {
          cursor.report.unsupported(at, `bind ... ${word.text} is not served`);
          if (/^(?:interface|namespace|crt-list|tcp-ut)$/.test(word.text)) cursor.next();
        } else {
          const known = [
            ...Object.keys(IGNORED),
            ...UNSUPPORTED,
            'ssl',
            'crt',
            'ca-file',
            'verify',
            'ssl-min-ver',
            'ssl-max-ver',
            'accept-proxy',
            'mode',
            'user',
            'group',
          ];
          cursor.report.unsupported(at, `bind has no option ${show(word.text)}${hint(word.text, known)}`);
        }
      }
    }
  }
  const [certificateFile, ...otherFiles] = certificateFiles;
  if (isTls && certificateFile === undefined) {
    cursor.report.error(place, 'ssl needs a certificate: crt FILE');
    return [];
  }
  if (requiresClient && clientCaFile === null) {
    cursor.report.error(place, 'verify required needs authorities: ca-file FILE');
  }
  const complain = (sentence: string): void => cursor.report.error(place, sentence);
  const tls =
    isTls && certificateFile !== undefined
      ? {
          certificateFile,
          keyFile: certificateFile,
          clientCaFile: requiresClient ? clientCaFile : null,
          ...(otherFiles.length === 0 ? {} : { otherFiles }),
          ...(versions === null ? {} : { version: onlyVersion(versions, complain) }),
        }
      : null;
  return parseBinds(list, { tls, acceptsProxyProtocol, mode, user, group }, place, cursor.report);
}
