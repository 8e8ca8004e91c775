// Reads keepalived.conf (vrrp.md §2): text in, a KeepalivedConf or everything that is wrong with it out. Files, users
// and interfaces are outside and asked for through `Surroundings`.
//
//     files ── preprocess ──► lines ── tree ──► statements ── readers ──► drafts ── finish ──► KeepalivedConf
//
// Differs from keepalived: what is not understood is refused, where keepalived logs a line and starts without it. With
// `lenient` it is a warning, for a file that cannot be changed.

import { failure, type Result, success } from '../../base/result.ts';
import { type Keyword, readStatements } from './blocks.ts';
import { Commands } from './commands.ts';
import type {
  FileBlock,
  InstanceConf,
  KeepalivedConf,
  ProcessBlock,
  RedisBlock,
  ScriptBlock,
} from './conf.ts';
import { finishInstance } from './finish-instance.ts';
import { finishGlobal, GLOBAL_KEYWORDS, globalDraft, readGlobalDirective } from './global-defs.ts';
import { type InstanceDraft, readInstance } from './instance.ts';
import { serverMailDefault, warnOfNoMail } from './mail.ts';
import { preprocess } from './preprocess.ts';
import { type ConfProblem, Report, show, showName, whereOf } from './problems.ts';
import type { ServerGroupConf, SslConf, VirtualServerConf } from './servers.ts';
import type { Surroundings } from './surroundings.ts';
import { hint } from '../../base/suggest.ts';
import { finishGroups, type GroupDraft, readGroup } from './sync-group.ts';
import { readFile, readProcess, readScript } from './trackables.ts';
import type { Trackables } from './tracking.ts';
import { buildTree, type Statement, type Word } from './tree.ts';
import { readServerGroup, readSsl } from './server-group.ts';
import { readVirtualServer } from './virtual-server.ts';

export interface ConfSource {
  /** As problems shall name it. */
  readonly path: string;
  readonly text: string;
  /** Absolute: where its includes are. */
  readonly directory: string;
  /** `-i`; null: the first label of the host's name. */
  readonly configId: string | null;
  /** What is not understood is a warning. */
  readonly isLenient: boolean;
}

export interface LoadedConf {
  readonly conf: KeepalivedConf;
  readonly warnings: readonly ConfProblem[];
}

/** Reads a whole configuration. All problems, warnings among them, come back at once, in the order of the lines. */
export function loadKeepalivedConf(
  source: ConfSource,
  surroundings: Surroundings,
): Result<LoadedConf, readonly ConfProblem[]> {
  const report = new Report(source.isLenient);
  const builtIns = {
    configId: source.configId ?? (surroundings.hostName.split('.', 1)[0] as string),
    environment: surroundings.environment,
    random: surroundings.random,
  };
  const { lines, paths } = preprocess(source, builtIns, surroundings.readInclude, report);
  const conf = new Loader(report, surroundings).load(buildTree(lines, report), paths);
  const problems = report.problems(source.path);
  return report.hasErrors ? failure(problems) : success({ conf, warnings: problems });
}

/** Blocks that keepalived knows at the top of a file and we do not do. */
const UNSUPPORTED_ROOTS = `net_namespace net_namespace_ipvs namespace_with_ipsets instance use_pid_dir child_wait_time
  linkbeat_use_polling linkbeat_interfaces interface_up_down_delays track_group static_ipaddress static_routes
  static_rules bfd_instance garp_group`;

type RootReader = (statement: Statement) => void;

class Loader {
  readonly #report: Report;
  readonly #surroundings: Surroundings;
  readonly #commands: Commands;
  readonly #scripts = new Map<string, ScriptBlock>();
  readonly #processes = new Map<string, ProcessBlock>();
  readonly #files = new Map<string, FileBlock>();
  readonly #redis = new Map<string, RedisBlock>();
  /** `script NAME` and so on: of blocks that were wrong, and of all there are. */
  readonly #broken = new Set<string>();
  readonly #later = new Set<string>();
  readonly #instances: InstanceDraft[] = [];
  readonly #groups: GroupDraft[] = [];
  readonly #virtualServers: { readonly place: Word; readonly server: VirtualServerConf }[] = [];
  readonly #serverGroups: ServerGroupConf[] = [];
  #ssl: SslConf | null = null;
  #serverMail: boolean | null = null;
  /** `KIND NAME` of every named block, to where it is. */
  readonly #names = new Map<string, Word>();

  constructor(report: Report, surroundings: Surroundings) {
    this.#report = report;
    this.#surroundings = surroundings;
    this.#commands = new Commands({ report, surroundings });
  }

  load(root: readonly Statement[], paths: readonly string[]): KeepalivedConf {
    // What instances inherit counts wherever it stands.
    const globals = globalDraft(this.#commands);
    for (const { keyword, block, kind } of root) {
      if (kind === 'code' && keyword.text === 'global_defs' && block !== null) {
        readStatements(this.#report, 'global_defs', block, GLOBAL_KEYWORDS, globals, readGlobalDirective);
      }
    }
    const global = finishGlobal(globals, this.#surroundings, this.#report);
    this.#noteNames(root);
    this.#serverMail = serverMailDefault(globals);
    readStatements(this.#report, null, root, this.#rootKeywords(), null);
    const instances = this.#finishInstances(globals, global.dynamicInterfaces);
    const known = new Set(this.#instances.map(({ name }) => name));
    const groups = finishGroups(this.#groups, instances, known, globals, this.#report);
    warnOfNoMail(global.mail, [...this.#instances, ...this.#groups], globals, this.#report);
    this.#checkIdentities(instances);
    this.#checkServerGroups();
    for (const { redis, nameWord } of [...this.#instances, ...this.#groups]) {
      for (const one of redis) this.#addRedis(one, nameWord);
    }
    return {
      global,
      instances,
      groups,
      scripts: [...this.#scripts.values()],
      processes: [...this.#processes.values()],
      files: [...this.#files.values()],
      redis: [...this.#redis.values()],
      balancer: {
        virtualServers: this.#virtualServers.map(({ server }) => server),
        groups: this.#serverGroups,
        ssl: this.#ssl,
      },
      foreignUsers: this.#commands.foreignUsers,
      paths,
    };
  }

  #noteNames(root: readonly Statement[]): void {
    const kinds = new Map([
      ['vrrp_script', 'script'],
      ['vrrp_track_process', 'process'],
      ['track_file', 'file'],
      ['vrrp_track_file', 'file'],
    ]);
    for (const { keyword, values } of root) {
      const kind = kinds.get(keyword.text);
      if (kind !== undefined && values[0] !== undefined) this.#later.add(`${kind} ${values[0].text}`);
    }
  }

  #rootKeywords(): ReadonlyMap<string, Keyword<null>> {
    const report = this.#report;
    const trackFile = this.#named('file', (block, { text }) => {
      const file = readFile(report, block, text);
      this.#keep(this.#files, 'file', text, file);
    });
    const readers: Readonly<Record<string, RootReader>> = {
      // Read before all others.
      global_defs: () => {},
      vrrp_script: this.#named('script', (block, { text }) => {
        const read = readScript(report, block, text, this.#commands);
        this.#keep(this.#scripts, 'script', text, read?.script ?? null);
        if (read !== null && read.redis !== null) this.#addRedis(read.redis, block.keyword);
      }),
      vrrp_track_process: this.#named('process', (block, { text }) => {
        this.#keep(this.#processes, 'process', text, readProcess(report, block, text));
      }),
      track_file: trackFile,
      vrrp_track_file: trackFile,
      vrrp_instance: this.#named('instance', (block, name) => {
        this.#instances.push(readInstance(report, block, name, this.#commands, this.#trackables()));
      }),
      vrrp_sync_group: this.#named('group', (block, name) => {
        this.#groups.push(readGroup(report, block, name, this.#commands, this.#trackables()));
      }),
      virtual_server: (block) => {
        const server = readVirtualServer(report, block, this.#commands, this.#serverMail);
        if (server !== null) this.#virtualServers.push({ place: block.keyword, server });
      },
      virtual_server_group: this.#named('server group', (block, { text }) => {
        this.#serverGroups.push(readServerGroup(report, block, text));
      }),
      SSL: (block) => {
        this.#ssl = readSsl(report, block);
      },
    };
    return new Map([
      ...UNSUPPORTED_ROOTS.split(/\s+/).map((name): [string, Keyword<null>] => [
        name,
        { read: null, hasBlock: false },
      ]),
      ...Object.entries(readers).map(([name, read]): [string, Keyword<null>] => [
        name,
        { read: (_, statement) => read(statement), hasBlock: true },
      ]),
    ]);
  }

  /** A reader of blocks that have a name of their own among those of `kind`. */
  #named(kind: string, read: (block: Statement, name: Word) => void): RootReader {
    return (block) => {
      const { keyword, values } = block;
      const [name, extra] = values;
      if (name === undefined) {
        return this.#report.error(keyword, 'missing-name', `${showName(keyword.text)} has no name`);
      }
      if (extra !== undefined) {
        const sentence = `a name is one word: quote it, or take ${show(extra.text)} away`;
        this.#report.warn(extra, 'extra-value', sentence);
      }
      const first = this.#names.get(`${kind} ${name.text}`);
      if (first !== undefined) {
        const sentence = `there is another ${keyword.text} ${show(name.text)} at ${whereOf(first)}; keepalived skips the second`;
        return this.#report.error(name, 'duplicate-name', sentence);
      }
      this.#names.set(`${kind} ${name.text}`, name);
      read(block, name);
    };
  }

  #keep<Block>(blocks: Map<string, Block>, kind: string, name: string, block: Block | null): void {
    if (block === null) this.#broken.add(`${kind} ${name}`);
    else blocks.set(name, block);
  }

  /** One tracker for each server, whoever asks; what is beside a script is that script's. */
  #addRedis(redis: RedisBlock, place: Word): void {
    const known = this.#redis.get(redis.name);
    if (known !== undefined && known.authFile !== redis.authFile) {
      const sentence = `the Redis ${show(redis.name)} is tracked at ${known.where} with another auth-file`;
      this.#report.error(place, 'two-auth-files', sentence);
    }
    if (known === undefined) this.#redis.set(redis.name, redis);
  }

  #trackables(): Trackables {
    return {
      script: this.#scripts,
      process: this.#processes,
      file: this.#files,
      broken: this.#broken,
      later: this.#later,
    };
  }

  #finishInstances(defaults: ReturnType<typeof globalDraft>, dynamicInterfaces: boolean): InstanceConf[] {
    const { interfaces } = this.#surroundings;
    const context = { report: this.#report, defaults, dynamicInterfaces, interfaces };
    return this.#instances
      .map((draft) => finishInstance(draft, context))
      .filter((instance): instance is InstanceConf => instance !== null);
  }

  /** A virtual router id is one router's, per interface and family; unicast ones are a space of their own. */
  #checkIdentities(instances: readonly InstanceConf[]): void {
    const owners = new Map<string, InstanceConf>();
    for (const instance of instances) {
      const way = instance.unicastPeers.length > 0 ? `unicast ${instance.sourceAddress ?? ''}` : 'multicast';
      const id = `${instance.virtualRouterId} ${instance.interface} ${instance.family} ${way}`;
      const other = owners.get(id);
      const place = this.#names.get(`instance ${instance.name}`);
      if (other === undefined || place === undefined) owners.set(id, instance);
      else {
        const sentence =
          `virtual_router_id ${instance.virtualRouterId} on ${instance.interface} is used by vrrp_instance ${other.name} ` +
          `(${other.where}) too: each needs its own`;
        this.#report.error(place, 'duplicate-virtual-router-id', sentence);
      }
    }
    const holders = new Map<string, InstanceConf>();
    for (const instance of instances) {
      for (const { address, interface: dev } of [...instance.addresses, ...instance.excludedAddresses]) {
        const other = holders.get(`${address} ${dev}`);
        const place = this.#names.get(`instance ${instance.name}`);
        if (other !== undefined && other !== instance && place !== undefined) {
          const sentence = `${address} is an address of vrrp_instance ${other.name} (${other.where}) too`;
          this.#report.error(place, 'duplicate-address', sentence);
        }
        holders.set(`${address} ${dev}`, instance);
      }
    }
  }

  #checkServerGroups(): void {
    for (const { place, server } of this.#virtualServers) {
      const { target } = server;
      if (target.kind === 'group' && !this.#serverGroups.some(({ name }) => name === target.name)) {
        const names = this.#serverGroups.map(({ name }) => name);
        const sentence = `there is no virtual_server_group ${show(target.name)}${hint(target.name, names)}`;
        this.#report.error(place, 'unknown-group', sentence);
      }
    }
  }
}
