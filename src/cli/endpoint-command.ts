// The options of `baton endpoint`, and its sub-commands.

import { Option, type Command } from 'commander';
import type { EndpointOptions } from './endpoint-arguments.ts';
import type { OrderOptions, SwitchOptions } from './endpoint-orders.ts';

const EXAMPLES = `
Examples:
  baton endpoint --sentinels a:26379,b:26379,c:26379 --primary mymaster --listen 6379
  baton endpoint --sentinels a,b,c --primary mymaster --listen 6379 --replica-listen 6380
  baton endpoint --servers 10.0.0.1:6379,10.0.0.2:6379 --listen '*:6379'
  baton endpoint --servers 10.0.0.1,10.0.0.2 --tls --cacert ca.pem --listen 6379
                                                  plain clients, servers that speak TLS
  baton endpoint haproxy.cfg                      in place of: haproxy -f haproxy.cfg
  baton endpoint status                           where it leads, and why
  baton endpoint switch --to 10.0.0.2:6379        a switch that clients of the relay do not notice
  baton endpoint drain 10.0.0.3:6379              before a replica is stopped; "ready" brings it back

A bare port listens on this machine's loopback, IPv4 and IPv6. Paths: "socket" leads the clients of this
machine to the primary inside connect(), with nothing in the way afterwards; "nat" lets nftables lead clients
of other machines; "relay" carries bytes, shares few connections among many clients, and can hold clients
through a switch. "auto" takes the socket path for a loopback listener where that is permitted, else relay.

SIGHUP reads files and passwords anew; clients of what stays do not notice. Linked to the name haproxy, baton
takes HAProxy's command line. Exit codes: 0 done, 1 failed (also a haproxy.cfg that is refused), 2 usage,
3 no daemon reachable, 70 a bug.`;

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** Adds `endpoint` and what belongs to it; what they do is loaded when they are called. */
export function addEndpointCommand(program: Command): void {
  const endpoint = program
    .command('endpoint')
    .summary('one plain port that is always the primary')
    .description(
      'Leads clients to the primary of a group (or to its replicas), by what sentinels or the servers say.',
    )
    .argument('[file]', 'a haproxy.cfg, in place of the options that say who and where')
    .option('-f, --use-file <file>', 'the same')
    .option('--lenient', 'start although the file asks for things that are not served')
    .option('-D, --daemon', 'go to the background')
    .option('--sentinels <list>', 'sentinels to ask, HOST[:PORT] separated by commas')
    .option('--primary <name>', 'the name that the sentinels give the group')
    .option(
      '--servers <list>',
      'without sentinels: the servers (or unix sockets), which are asked themselves',
    )
    .option('--prefer <server>', 'of several servers that claim to be the primary at a start, this one')
    .option(
      '--listen <addr>',
      'clients of the primary: PORT, ADDRESS:PORT, *:PORT or /a.sock (may be repeated)',
      collect,
    )
    .option('--replica-listen <addr>', 'the same for clients that only read', collect)
    .option('--tls', 'the servers speak TLS; the relay does then what clients need not')
    .option('--sentinel-tls', 'the sentinels do')
    .option('--cacert <file>', 'who vouches for the certificates of servers and sentinels')
    .option('--cert <file>', 'the certificate to show them, where they ask for one')
    .option('--key <file>', 'its key (default: in the same file)')
    .option('--sni <name>', 'the name their certificates must have (default: any of those authorities)')
    .option('--insecure', 'believe any certificate')
    .option('--listen-cert <file>', 'clients speak TLS, and are shown this certificate')
    .option('--listen-key <file>', 'its key (default: in the same file)')
    .option('--listen-cacert <file>', 'clients must show a certificate of these authorities')
    .option('--listen-mode <mode>', 'of unix sockets that are listened on, octal, for example 660')
    .option('--send-proxy', 'say to the servers who the client is (PROXY protocol; Redis itself knows none)')
    .option('--send-proxy-v2', 'the same by version 2')
    .option('--accept-proxy', 'clients come through a proxy that says so who they are')
    .option('--path <path>', 'auto, socket, nat or relay (default: auto)')
    .option('--cgroup <path>', 'socket path: only processes of this cgroup')
    .option('--netns <which>', 'socket path: "all" for all network namespaces')
    .option(
      '--masquerade <how>',
      'nat path: "auto", or "no" where servers answer through this machine (default: auto)',
    )
    .option('--transparent', 'relay: one connection to the server for each client')
    .option('--workers <n>', 'relay: processes that carry bytes (default: cores - 1, at least 1)')
    .option(
      '--busy-poll <yes|no>',
      'relay: stay awake for a moment between request and reply (default: where a core is to spare)',
    )
    .option('--balance <how>', 'among replicas: roundrobin, leastconn, first or source (default: roundrobin)')
    .option(
      '--without-replica <what>',
      'when no replica is near enough: "primary" or "refuse" (default: primary)',
    )
    .option('--share-max <percent>', 'of the readers, the most that one replica may have (default: 100)')
    .option('--replica-lag <time>', 'a replica with older data gets no clients (default: 10s)')
    .option('--replica-lag-bytes <size>', 'nor one that is further behind (default: 1MB)')
    .option(
      '--queue-timeout <time>',
      'relay: how long a new client waits for a primary before it gets an error (default: 5s)',
    )
    .option('--queue-max <n>', 'relay: how many may wait (default: 10000)')
    .option(
      '--hold-max <time>',
      'relay: how long clients may be held through an ordered switch (default: 1s)',
    )
    .option('--max-connections <n>', 'clients at a time (default: no limit)')
    .option('--idle-timeout <time>', 'ends idle clients; never subscribers or blocked ones (default: none)')
    .option('--lease <time>', 'a decision stands so long without being confirmed (default: 3s)')
    .option('--refresh <time>', 'how often it is confirmed (default: 500ms)')
    .option(
      '--http <addr>',
      'answer /primary, /replica?lag=1MB, /health and the like there, for load balancers; /metrics, too',
    )
    .option('--auth-file <file>', 'its first line is "password" or "user password" for the servers')
    .option('--sentinel-auth-file <file>', 'the same for the sentinels')
    .option('--name <name>', 'what "baton endpoint status" calls this daemon')
    .option('-p, --pid <file>', 'write the process id there')
    .option('-c, --check', 'say what was understood, and exit')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: Omit<EndpointOptions, 'file'>) => {
      const { runEndpoint, checkEndpoint } = await import('./endpoint.ts');
      const given = { ...options, file: file ?? options.useFile ?? null };
      if (options.check === true) process.exitCode = checkEndpoint(given);
      else await runEndpoint(given);
    });
  const socket = new Option('--socket <path>', "the daemon's control socket, if there are several");
  endpoint
    .command('status')
    .summary('show where the endpoints lead, and why')
    .description('Asks the endpoint daemon of this machine where its endpoints lead, and why.')
    .option('--json', 'print JSON')
    .addOption(socket)
    .action(async (options: { readonly json?: true; readonly socket?: string }) => {
      const { showEndpointStatus } = await import('./endpoint-status.ts');
      process.exitCode = await showEndpointStatus({
        json: options.json === true,
        socket: options.socket ?? null,
      });
    });
  endpoint
    .command('switch')
    .summary('make another server the primary, without an error for clients of the relay')
    .description(
      'Holds clients, waits until the new primary has all writes, promotes it, leads clients there and makes the old one follow. With sentinels, they choose.',
    )
    .option('--to <server>', 'HOST:PORT of the new primary (not with sentinels)')
    .option('--backend <name>', 'which, if there are several')
    .option('--json', 'print JSON')
    .addOption(socket)
    .action(async (options: SwitchOptions) => {
      const { orderSwitch } = await import('./endpoint-orders.ts');
      process.exitCode = await orderSwitch(options);
    });
  for (const [state, does] of [
    ['drain', 'lead no clients to a server, but let those stay that cannot be moved unnoticed'],
    ['maint', 'lead nobody to a server'],
    ['ready', 'lead clients to a server again'],
  ] as const) {
    endpoint
      .command(state)
      .argument('<server>', 'its name, as "baton endpoint status" shows it')
      .summary(does)
      .option('--backend <name>', 'of which backend, if several have it')
      .option('--json', 'print JSON')
      .addOption(socket)
      .action(async (server: string, options: OrderOptions) => {
        const { orderState } = await import('./endpoint-orders.ts');
        process.exitCode = await orderState({ ...options, server, state });
      });
  }
}
