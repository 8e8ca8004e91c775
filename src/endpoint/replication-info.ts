// What INFO replication says, as far as leading clients needs it.

/** A server as it describes itself. */
export type ReplicationInfo =
  | {
      readonly role: 'master';
      /** Replication id: two nodes' offsets compare only where they are the same. */
      readonly history: string;
      readonly offset: number;
      /** Its replicas, as it knows them. */
      readonly replicas: readonly { readonly host: string; readonly port: number }[];
    }
  | {
      readonly role: 'slave';
      readonly history: string;
      /** What it has applied. */
      readonly offset: number;
      readonly masterHost: string;
      readonly masterPort: number;
      readonly isLinkUp: boolean;
      readonly isSyncing: boolean;
    };

const REPLICAS_MAX = 1_000;

/** null: it is no such text. */
export function parseReplicationInfo(text: string): ReplicationInfo | null {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimEnd());
  }
  const number = (name: string): number => {
    const value = Number(fields.get(name) ?? '0');
    return Number.isSafeInteger(value) ? value : 0;
  };
  const history = fields.get('master_replid') ?? '';
  switch (fields.get('role')) {
    case 'master':
      return { role: 'master', history, offset: number('master_repl_offset'), replicas: replicasOf(fields) };
    case 'slave':
      return {
        role: 'slave',
        history,
        offset: number('slave_repl_offset'),
        masterHost: fields.get('master_host') ?? '',
        masterPort: number('master_port'),
        isLinkUp: fields.get('master_link_status') === 'up',
        isSyncing: fields.get('master_sync_in_progress') === '1',
      };
    default:
      return null;
  }
}

function replicasOf(fields: ReadonlyMap<string, string>): { host: string; port: number }[] {
  const found: { host: string; port: number }[] = [];
  for (let index = 0; index < REPLICAS_MAX; index += 1) {
    const line = fields.get(`slave${index}`);
    if (line === undefined) break;
    const host = /(?:^|,)ip=([^,]*)/.exec(line)?.[1] ?? '';
    const port = Number(/(?:^|,)port=(\d{1,5})(?:,|$)/.exec(line)?.[1]);
    if (host !== '' && port > 0 && port < 65_536) found.push({ host, port });
  }
  return found;
}
