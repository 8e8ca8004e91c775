// Watches from a client's side when a data node accepts a write, and whom it follows.

import type { DataNode } from '../../test/harness/fleet.ts';
import { pause } from '../../test/harness/wait.ts';
import { ErrorReply, Wire, infoFields } from '../../test/harness/wire.ts';

/** Longer than any sane failover; a round that takes this long has failed. */
const PATIENCE_MS = 180_000;

/**
 * When, by performance.now(), the first of `nodes` accepted a SET, and which; each is asked on its own connection every
 * `everyMs`, or as often as it answers.
 */
export async function firstAcceptedWrite(
  nodes: readonly DataNode[],
  everyMs: number,
): Promise<{ node: DataNode; atMs: number }> {
  const done = new AbortController();
  const probes = nodes.map(async (node) => {
    const atMs = await firstTime(node, everyMs, done.signal, async (wire) => {
      await wire.call('SET', 'bench', 'x');
      return true;
    });
    return { node, atMs };
  });
  try {
    return await Promise.any(probes);
  } finally {
    done.abort();
  }
}

/** When, by performance.now(), `node` was first seen to stream from `primary`; asked every 5 ms. */
export function streamsAt(node: DataNode, primary: DataNode): Promise<number> {
  return firstTime(node, 5, new AbortController().signal, async (wire) => {
    const { master_port, master_link_status } = infoFields(await wire.call('INFO', 'replication'));
    return master_port === String(primary.target.port) && master_link_status === 'up';
  });
}

/**
 * When `node` first answered `isSo` with yes. The connection is made anew whenever it breaks: a sentinel that changes a
 * node's role cuts the node's clients off.
 */
async function firstTime(
  node: DataNode,
  everyMs: number,
  signal: AbortSignal,
  isSo: (wire: Wire) => Promise<boolean>,
): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  let wire: Wire | null = null;
  const stop = (): void => wire?.close();
  signal.addEventListener('abort', stop);
  try {
    while (!signal.aborted && performance.now() < deadline) {
      try {
        if (wire === null || wire.isClosed) wire = await Wire.open(node.target);
        if (await isSo(wire)) return performance.now();
      } catch (error) {
        // READONLY is an answer; anything else is the connection's end.
        if (!(error instanceof ErrorReply)) wire?.close();
      }
      await pause(everyMs);
    }
    throw new Error(`${node.address} did not get there within ${PATIENCE_MS / 1000} s`);
  } finally {
    signal.removeEventListener('abort', stop);
    wire?.close();
  }
}
