// What the model Redis understands: the commands members send it (sentinel.md §7.1), a write that model clients use, and
// the two words of replication.

import type { Reply } from '../../resp/reply.ts';
import { OK, array, bulk, error, integer, simple } from '../../resp/reply.ts';
import type { Command } from '../wire.ts';
import type { RedisNode, Session } from './node.ts';

const PONG = simple('PONG');
const QUEUED = simple('QUEUED');
const LOADING = error('LOADING Redis is loading the dataset in memory');
const ALLOWED_WHILE_LOADING = new Set(['auth', 'client', 'info', 'multi', 'exec', 'subscribe', 'publish']);

/** Answers one request, into the session's outbox. */
export function answerBatch(node: RedisNode, session: Session, command: Command): void {
  const [name = '', ...args] = command;
  const verb = name.toLowerCase();
  if (verb === 'replconf') {
    if (session.replica !== null) {
      session.replica.offset = Number(args[1]);
      session.replica.lastAckAt = node.now;
    }
    return;
  }
  if (verb === 'psync') {
    const [historyId = '', offset = '0', port = '0'] = args;
    if (!node.serveReplica(session, Number(port), historyId, Number(offset))) {
      node.say(session, error("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    return;
  }
  if (verb === 'subscribe') {
    for (const channel of args) {
      session.channels.add(channel);
      node.say(session, array([bulk('subscribe'), bulk(channel), integer(session.channels.size)]));
    }
    return;
  }
  if (session.queued !== null && verb !== 'exec' && verb !== 'multi') {
    const refusal = refuse(node, verb);
    if (refusal === null) session.queued.push(command);
    else session.queueBroken = true;
    node.say(session, refusal ?? QUEUED);
    return;
  }
  node.say(session, refuse(node, verb) ?? execute(node, session, verb, args));
}

function refuse(node: RedisNode, verb: string): Reply | null {
  return node.isLoading && !ALLOWED_WHILE_LOADING.has(verb) ? LOADING : null;
}

function execute(node: RedisNode, session: Session, verb: string, args: readonly string[]): Reply {
  switch (verb) {
    case 'ping':
      return PONG;
    case 'info':
      return bulk(node.info());
    case 'auth':
      return OK;
    case 'publish':
      return publish(node, args);
    case 'client':
      return client(node, session, args);
    case 'multi':
      if (session.queued !== null) return error('ERR MULTI calls can not be nested');
      session.queued = [];
      session.queueBroken = false;
      return OK;
    case 'exec':
      return exec(node, session);
    case 'slaveof':
    case 'replicaof':
      return replicaOf(node, args);
    case 'config':
      if (args[0]?.toLowerCase() !== 'rewrite') return error('ERR syntax error');
      return node.rewriteConfig() ? OK : error('ERR The server is running without a config file');
    case 'script':
      return error('NOTBUSY No scripts in execution right now.');
    case 'role':
      return role(node);
    case 'set':
      if (!node.isPrimary) return error("READONLY You can't write against a read only replica.");
      node.propagate('write', [args[0] as string]);
      return OK;
    default:
      return error(`ERR unknown command '${verb}'`);
  }
}

function publish(node: RedisNode, args: readonly string[]): Reply {
  const [channel = '', payload = ''] = args;
  const count = node.publish(channel, payload);
  // A replica's publication stays with its own subscribers; a primary's reaches those of its replicas too.
  if (node.isPrimary) node.propagate('publish', [channel, payload]);
  return integer(count);
}

function client(node: RedisNode, session: Session, args: readonly string[]): Reply {
  const [verb = '', word = '', type = ''] = args.map((text) => text.toLowerCase());
  if (verb === 'setname') return OK;
  if (verb === 'pause' || verb === 'unpause') {
    node.pauseWrites(verb === 'pause' ? Number(word) : 0);
    return OK;
  }
  if (verb === 'kill' && word === 'type' && (type === 'normal' || type === 'pubsub')) {
    return integer(node.killSessions(type, session));
  }
  return error('ERR syntax error');
}

function exec(node: RedisNode, session: Session): Reply {
  const { queued, queueBroken } = session;
  if (queued === null) return error('ERR EXEC without MULTI');
  session.queued = null;
  if (queueBroken) return error('EXECABORT Transaction discarded because of previous errors.');
  return array(queued.map(([name = '', ...args]) => execute(node, session, name.toLowerCase(), args)));
}

function replicaOf(node: RedisNode, args: readonly string[]): Reply {
  const [host = '', port = ''] = args;
  if (host.toLowerCase() === 'no' && port.toLowerCase() === 'one') {
    node.replicate(null);
    return OK;
  }
  if (!/^\d{1,5}$/.test(port)) return error('ERR Invalid master port');
  node.replicate({ host, port: Number(port) });
  return OK;
}

function role(node: RedisNode): Reply {
  const { follows } = node;
  if (follows === null) return array([bulk('master'), integer(node.history.offset), array([])]);
  return array([
    bulk('slave'),
    bulk(follows.host),
    integer(follows.port),
    bulk(node.linkIsUp ? 'connected' : 'connect'),
    integer(node.history.offset),
  ]);
}
