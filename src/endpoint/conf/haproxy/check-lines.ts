// `tcp-check ...`, `http-check ...` and `option httpchk`: what a backend's servers are asked (proxy.md §1.3).

import type { HttpExpect } from '../../checks/check-conf.ts';
import { compilePattern } from '../../checks/pcre.ts';
import type { DraftStep, Settings } from './draft.ts';
import { show } from './report.ts';
import type { Cursor } from './statement.ts';

const KINDS = ['string', 'rstring', 'binary', 'rbinary'] as const;

export function readTcpCheck(settings: Settings, cursor: Cursor): void {
  settings.stepsAt ??= cursor.placeOf(cursor.first);
  const what = cursor.choice('tcp-check', [
    'connect',
    'send',
    'send-binary',
    'expect',
    'comment',
    'send-lf',
    'send-binary-lf',
    'set-var',
    'unset-var',
  ] as const);
  const step = ((): DraftStep | null => {
    switch (what) {
      case 'connect':
        return readConnect(cursor);
      case 'send':
        return readSend(cursor, false);
      case 'send-binary':
        return readSend(cursor, true);
      case 'expect':
        return readExpect(cursor);
      case 'comment':
        cursor.rest();
        return null;
      case null:
        return null;
      default:
        cursor.report.unsupported(cursor.placeOf(cursor.first), `tcp-check ${what} is not served`);
        return null;
    }
  })();
  if (step !== null) settings.steps.push(step);
}

function readConnect(cursor: Cursor): DraftStep {
  let host: string | null = null;
  let port: number | null = null;
  let isTls = false;
  let isDefault = false;
  let serverName: string | null = null;
  let sendsProxyProtocol = false;
  for (let word = cursor.next(); word !== null; word = cursor.next()) {
    switch (word.text) {
      case 'port':
        port = cursor.integer('port', 1, 65_535);
        break;
      case 'addr':
        host = cursor.text('an address');
        break;
      case 'ssl':
        isTls = true;
        break;
      case 'sni':
        serverName = cursor.text('a name');
        break;
      case 'send-proxy':
        sendsProxyProtocol = true;
        break;
      case 'default':
        isDefault = true;
        break;
      case 'comment':
      case 'alpn':
      case 'proto':
        cursor.text('a value');
        break;
      case 'linger':
        break;
      default:
        cursor.report.unsupported(cursor.placeOf(word), `tcp-check connect has no option ${show(word.text)}`);
    }
  }
  return { kind: 'connect', host, port, isTls, serverName, sendsProxyProtocol, isDefault };
}

function readSend(cursor: Cursor, isBinary: boolean): DraftStep | null {
  const { place } = cursor;
  const text = cursor.text('data');
  if (text === null) return null;
  if (cursor.accept('comment')) cursor.text('a comment');
  else if (cursor.peek() !== null) {
    // What it is stays unsaid: it may be a password.
    cursor.error(
      'after its data, send takes only a comment: write blanks within the data as "\\ ", or quote it',
    );
    cursor.rest();
    return null;
  }
  const bytes = isBinary ? fromHexadecimal(text) : text;
  if (bytes === null) {
    cursor.report.error(place, 'binary data is an even number of hexadecimal digits');
    return null;
  }
  if (!isBinary && !bytes.endsWith('\n')) {
    cursor.report.warn(
      place,
      'what is sent does not end with \\r\\n: Redis will not answer, and the check ends with its timeout',
    );
  }
  return { kind: 'send', bytes };
}

function readExpect(cursor: Cursor): DraftStep | null {
  let bytesMin: number | null = null;
  let comment: string | null = null;
  for (;;) {
    if (cursor.accept('min-recv')) bytesMin = cursor.integer('min-recv', 0, 16_384);
    else if (cursor.accept('comment')) comment = cursor.text('a comment');
    else if (
      /^(?:ok|error|tout)-status$|^on-(?:success|error)$|^status-code$/.test(cursor.peek()?.text ?? '')
    ) {
      cursor.next();
      cursor.text('a value');
    } else break;
  }
  const isNegated = cursor.accept('!');
  const what = readExpectKind(cursor, KINDS);
  const { place } = cursor;
  const text = what === null ? null : cursor.text('what to expect');
  if (what === null || text === null) return null;
  cursor.end();
  const pattern = what === 'binary' ? fromHexadecimal(text) : text;
  if (pattern === null) {
    cursor.report.error(place, 'binary data is an even number of hexadecimal digits');
    return null;
  }
  if (what === 'rstring' || what === 'rbinary') {
    const compiled = compilePattern(pattern);
    if (!compiled.ok) {
      cursor.report.error(place, compiled.problem);
      return null;
    }
  }
  if (isNegated && bytesMin === null) {
    cursor.report.warn(
      place,
      'a negated expect passes only when the server closes the connection: give min-recv before it',
    );
  }
  return { kind: 'expect', what, pattern, isNegated, bytesMin, comment };
}

function readExpectKind<Kind extends string>(cursor: Cursor, kinds: readonly Kind[]): Kind | null {
  const word = cursor.peek();
  if (word !== null && /^(?:string|binary)-lf$/.test(word.text)) {
    cursor.report.unsupported(cursor.place, `expect ${word.text} is not served`);
    cursor.rest();
    return null;
  }
  const kind = cursor.choice('expect', kinds);
  if (kind === null) cursor.rest();
  return kind;
}

function fromHexadecimal(text: string): string | null {
  if (!/^(?:[0-9A-Fa-f]{2})+$/.test(text)) return null;
  return text.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
}

/** `option httpchk [METHOD] [URI [VERSION...]]`; old files put headers behind the version. */
export function readHttpchk(settings: Settings, cursor: Cursor): void {
  const [first, second, ...third] = cursor.rest().map(({ text }) => text);
  if (first === undefined) return;
  const [method, path] = second === undefined ? ['OPTIONS', first] : [first, second];
  const [version = 'HTTP/1.0', ...headerLines] = third.join(' ').split('\r\n');
  const headers = headerLines.flatMap((line): (readonly [string, string])[] => {
    const match = /^([^:]+):\s*(.*)$/.exec(line);
    return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
  });
  settings.http = {
    ...settings.http,
    method,
    path,
    version: version === 'HTTP/1.1' ? '1.1' : '1.0',
    headers,
  };
}

export function readHttpCheck(settings: Settings, cursor: Cursor): void {
  const what = cursor.choice('http-check', [
    'expect',
    'send',
    'disable-on-404',
    'send-state',
    'connect',
    'comment',
    'set-var',
    'unset-var',
  ] as const);
  if (what === 'expect') {
    const expect = readHttpExpect(cursor);
    if (expect !== null) settings.httpExpects.push(expect);
  } else if (what === 'send') readHttpSend(settings, cursor);
  else if (what !== null && what !== 'comment') {
    cursor.report.unsupported(cursor.placeOf(cursor.first), `http-check ${what} is not served`);
  }
}

function readHttpExpect(cursor: Cursor): HttpExpect | null {
  for (;;) {
    if (!cursor.accept('min-recv') && !cursor.accept('comment')) break;
    cursor.text('a value');
  }
  const isNegated = cursor.accept('!');
  const what = readExpectKind(cursor, ['status', 'rstatus', 'string', 'rstring'] as const);
  const { place } = cursor;
  const text = what === null ? null : cursor.text('what to expect');
  if (what === null || text === null) return null;
  cursor.end();
  if (what === 'string') return { kind: 'string', text, isNegated };
  if (what === 'rstring' || what === 'rstatus') {
    const compiled = compilePattern(text);
    if (!compiled.ok) cursor.report.error(place, compiled.problem);
    if (what === 'rstring') return compiled.ok ? { kind: 'regex', pattern: text, isNegated } : null;
    if (!compiled.ok) return null;
    const pattern = compiled.value;
    const ranges = Array.from({ length: 500 }, (_, index) => index + 100)
      .filter((status) => pattern.test(String(status)))
      .map((status) => [status, status] as const);
    return { kind: 'status', ranges, isNegated };
  }
  const ranges = text.split(',').map((part) => /^(\d{3})(?:-(\d{3}))?$/.exec(part));
  if (ranges.some((range) => range === null)) {
    cursor.report.error(place, `a status is a number or a range such as 200-399, not ${show(text)}`);
    return null;
  }
  return {
    kind: 'status',
    ranges: ranges.map((range) => [Number(range?.[1]), Number(range?.[2] ?? range?.[1])]),
    isNegated,
  };
}

function readHttpSend({ http }: Settings, cursor: Cursor): void {
  for (let word = cursor.next(); word !== null; word = cursor.next()) {
    switch (word.text) {
      case 'meth':
        http.method = cursor.text('a method') ?? http.method;
        break;
      case 'uri':
        http.path = cursor.text('a path') ?? http.path;
        break;
      case 'ver':
        http.version = cursor.text('a version') === 'HTTP/1.1' ? '1.1' : '1.0';
        break;
      case 'hdr': {
        const name = cursor.text('a name');
        const value = cursor.text('a value');
        if (name !== null && value !== null) http.headers.push([name, value]);
        break;
      }
      case 'body':
        http.body = cursor.text('a body') ?? '';
        break;
      case 'comment':
        cursor.text('a comment');
        break;
      case 'uri-lf':
      case 'body-lf':
        cursor.report.unsupported(cursor.placeOf(word), `http-check send ... ${word.text} is not served`);
        cursor.next();
        break;
      default:
        // What it is stays unsaid: it may be a part of an Authorization.
        cursor.report.error(
          cursor.placeOf(word),
          'http-check send takes meth, uri, ver, hdr NAME VALUE and body: write blanks within a value as "\\ ", or quote it',
        );
        cursor.rest();
    }
  }
}
