// Reads virtual_server and its real_server blocks (vrrp.md §2.3).

import { familyOf } from '../ip-address.ts';
import type { Command } from '../router-conf.ts';
import { type Keywords, keywordTable, type Reader, readStatements, words } from './blocks.ts';
import { inherit, noTiming, PORT_MAX, readChecker, type Timing, timingReaders } from './checkers.ts';
import type { Commands } from './commands.ts';
import { omit } from './omit.ts';
import { type Report, show, whereOf } from './problems.ts';
import type {
  CheckerConf,
  CheckerKind,
  Endpoint,
  Forwarding,
  RealServerConf,
  ServerTarget,
  VirtualServerConf,
} from './servers.ts';
import { hint } from '../../base/suggest.ts';
import type { Statement, Word } from './tree.ts';
import {
  addressIn,
  integerIn,
  noMore,
  readBoolean,
  readInteger,
  readText,
  readTimer,
  valueAt,
} from './values.ts';

const SCHEDULERS = words('rr wrr lc wlc lblc sh mh dh fo ovf lblcr sed nq twos');
const SCHEDULER_FLAGS = words('hashed ops flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback');
const CHECKERS: readonly CheckerKind[] = [
  'TCP_CHECK',
  'HTTP_GET',
  'SSL_GET',
  'SMTP_CHECK',
  'DNS_CHECK',
  'MISC_CHECK',
  'UDP_CHECK',
  'PING_CHECK',
  'FILE_CHECK',
];
const COUNT_MAX = 2 ** 31 - 1;
const WEIGHT_MAX = 65_535;
/** A bare persistence_timeout. */
const PERSISTENCE_MS = 360_000;

/** One of `known`, exactly as written there. */
function choice<Value extends string>(
  report: Report,
  statement: Statement,
  known: readonly Value[],
): Value | null {
  const word = valueAt(report, statement, 0, `one of ${known.join(', ')}`);
  if (word === null) return null;
  const found = known.find((one) => one === word.text);
  if (found !== undefined) return found;
  const sentence = `${statement.keyword.text} is one of ${known.join(', ')}, not ${show(word.text)}${hint(word.text, known)}`;
  report.error(word, 'bad-value', sentence);
  return null;
}

/** `NAT`, `DR` or `TUN [type ...]`. */
function readForwarding(
  report: Report,
  statement: Statement,
): { forwarding: Forwarding; tunnel: string[] } | null {
  const forwarding = choice<Forwarding>(report, statement, ['NAT', 'DR', 'TUN']);
  if (forwarding !== 'TUN') noMore(report, statement, 1);
  const tunnel = statement.values.slice(1).map((word) => word.text);
  return forwarding === null ? null : { forwarding, tunnel };
}

/** `ADDRESS [PORT]`. */
function readEndpoint(
  report: Report,
  [addressWord, portWord]: readonly Word[],
  owner: Word,
): Endpoint | null {
  if (addressWord === undefined) {
    report.error(owner, 'missing-value', `${owner.text} takes an IP address, and may take a port`);
    return null;
  }
  const address = addressIn(report, addressWord);
  const port = portWord === undefined ? 0 : integerIn(report, portWord, 'the port', 0, PORT_MAX);
  return address === null || port === null ? null : { address, port };
}

function readTarget(report: Report, { keyword, values }: Statement): ServerTarget | null {
  const [first, second] = values;
  if (first?.text === 'fwmark' && second !== undefined) {
    const mark = integerIn(report, second, 'fwmark', 1, COUNT_MAX);
    return mark === null ? null : { kind: 'fwmark', mark };
  }
  if (first?.text === 'group' && second !== undefined) return { kind: 'group', name: second.text };
  const endpoint = readEndpoint(report, values, keyword);
  return endpoint === null ? null : { kind: 'address', ...endpoint };
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

interface RealDraft extends Mutable<
  Omit<RealServerConf, 'weight' | 'forwarding' | 'inhibitOnFailure' | 'sendsMail' | 'checkers'>
> {
  ownWeight: number | null;
  readonly place: Word;
  readonly timing: Timing;
  forwarding: Forwarding | null;
  inhibitOnFailure: boolean | null;
  smtpAlert: boolean | null;
  readonly checkerBlocks: { readonly kind: CheckerKind; readonly block: Statement }[];
}

interface VirtualDraft extends Mutable<
  Omit<VirtualServerConf, 'realServers' | 'sorryServer' | 'sendsMail' | 'where'>
> {
  readonly timing: Timing;
  weight: number;
  inhibitOnFailure: boolean;
  smtpAlert: boolean | null;
  sorry: Endpoint | null;
  sorryInhibit: boolean;
  sorryForwarding: Forwarding | null;
  readonly flags: string[];
  readonly realDrafts: RealDraft[];
}

function realKeywords(commands: Commands): Keywords<RealDraft> {
  return keywordTable<RealDraft>(
    {
      ...timingReaders<RealDraft>(),
      weight: (draft, statement, report) => {
        draft.ownWeight = readInteger(report, statement, 0, WEIGHT_MAX);
      },
      lvs_method: (draft, statement, report) => {
        draft.forwarding = readForwarding(report, statement)?.forwarding ?? null;
      },
      inhibit_on_failure: (draft, statement, report) =>
        void (draft.inhibitOnFailure = readBoolean(report, statement)),
      uthreshold: (draft, statement, report) => {
        draft.upperThreshold = readInteger(report, statement, 0, COUNT_MAX) ?? 0;
      },
      lthreshold: (draft, statement, report) => {
        draft.lowerThreshold = readInteger(report, statement, 0, COUNT_MAX) ?? 0;
      },
      notify_up: (draft, statement) => void (draft.notifyUp = commands.readLine(statement)),
      notify_down: (draft, statement) => void (draft.notifyDown = commands.readLine(statement)),
      smtp_alert: (draft, statement, report) => void (draft.smtpAlert = readBoolean(report, statement)),
      snmp_name: (draft, statement, report) => void (draft.snmpName = readText(report, statement, 'a name')),
    },
    Object.fromEntries(
      CHECKERS.map((kind): [string, Reader<RealDraft>] => [
        kind,
        (draft, block) => void draft.checkerBlocks.push({ kind, block }),
      ]),
    ),
    'BFD_CHECK',
  );
}

function readRealServer(report: Report, block: Statement, commands: Commands): RealDraft | null {
  const endpoint = readEndpoint(report, block.values, block.keyword);
  if (endpoint === null) return null;
  const draft: RealDraft = {
    ...endpoint,
    where: whereOf(block.keyword),
    place: block.keyword,
    timing: noTiming(),
    ownWeight: null,
    forwarding: null,
    inhibitOnFailure: null,
    upperThreshold: 0,
    lowerThreshold: 0,
    notifyUp: null,
    notifyDown: null,
    smtpAlert: null,
    snmpName: null,
    checkerBlocks: [],
  };
  readStatements(report, `real_server ${endpoint.address}`, block.block ?? [], realKeywords(commands), draft);
  return draft;
}

function virtualKeywords(commands: Commands): Keywords<VirtualDraft> {
  const scheduler: Reader<VirtualDraft> = (draft, statement, report) => {
    draft.scheduler = choice(report, statement, SCHEDULERS) ?? draft.scheduler;
    noMore(report, statement, 1);
  };
  const forwarding: Reader<VirtualDraft> = (draft, statement, report) => {
    Object.assign(draft, readForwarding(report, statement));
  };
  const script = (set: (draft: VirtualDraft, command: Command | null) => void): Reader<VirtualDraft> => {
    return (draft, statement) => set(draft, commands.readLine(statement));
  };
  return keywordTable<VirtualDraft>(
    {
      ...timingReaders<VirtualDraft>(),
      ...Object.fromEntries(
        SCHEDULER_FLAGS.map((flag): [string, Reader<VirtualDraft>] => [
          flag,
          (draft) => void draft.flags.push(flag),
        ]),
      ),
      lvs_sched: scheduler,
      lb_algo: scheduler,
      lvs_method: forwarding,
      lb_kind: forwarding,
      protocol: (draft, statement, report) => {
        draft.protocol =
          choice<'TCP' | 'UDP' | 'SCTP'>(report, statement, ['TCP', 'UDP', 'SCTP']) ?? draft.protocol;
      },
      persistence_timeout(draft, statement, report) {
        const isBare = statement.values.length === 0;
        const limits = { min: 1, max: 86_400 * 31, decimals: 0 };
        draft.persistenceTimeoutMs = isBare ? PERSISTENCE_MS : (readTimer(report, statement, limits) ?? 0);
      },
      persistence_engine: (draft, statement, report) => {
        draft.persistenceEngine = readText(report, statement, 'a name');
      },
      persistence_granularity: (draft, statement, report) => {
        draft.persistenceGranularity = readText(report, statement, 'a netmask');
      },
      ip_family: (draft, statement, report) => {
        draft.ipFamily = choice<'inet' | 'inet6'>(report, statement, ['inet', 'inet6']);
      },
      quorum: (draft, statement, report) =>
        void (draft.quorum = readInteger(report, statement, 1, COUNT_MAX) ?? 1),
      hysteresis: (draft, statement, report) => {
        draft.hysteresis = readInteger(report, statement, 0, COUNT_MAX) ?? 0;
      },
      quorum_up: script((draft, command) => void (draft.quorumUp = command)),
      quorum_down: script((draft, command) => void (draft.quorumDown = command)),
      sorry_server: (draft, statement, report) => {
        draft.sorry = readEndpoint(report, statement.values, statement.keyword);
      },
      sorry_server_inhibit: (draft) => void (draft.sorryInhibit = true),
      sorry_server_lvs_method: (draft, statement, report) => {
        draft.sorryForwarding = readForwarding(report, statement)?.forwarding ?? null;
      },
      inhibit_on_failure: (draft, statement, report) => {
        draft.inhibitOnFailure = readBoolean(report, statement) ?? false;
      },
      ha_suspend: (draft) => void (draft.haSuspend = true),
      omega: (draft, statement, report) => void (draft.omega = readBoolean(report, statement) ?? false),
      smtp_alert: (draft, statement, report) => void (draft.smtpAlert = readBoolean(report, statement)),
      snmp_name: (draft, statement, report) => void (draft.snmpName = readText(report, statement, 'a name')),
      // The weight of real servers that do not say.
      weight: (draft, statement, report) => {
        draft.weight = readInteger(report, statement, 0, WEIGHT_MAX) ?? draft.weight;
      },
    },
    {
      real_server(draft, block, report) {
        const real = readRealServer(report, block, commands);
        if (real !== null) draft.realDrafts.push(real);
      },
    },
  );
}

/**
 * Reads a virtual_server; null: it has no good target, which is reported. `mailDefault`: whether changes are mailed where
 * it does not say; null: as keepalived, those of real servers are.
 */
export function readVirtualServer(
  report: Report,
  block: Statement,
  commands: Commands,
  mailDefault: boolean | null,
): VirtualServerConf | null {
  const target = readTarget(report, block);
  const draft: VirtualDraft = {
    target: target ?? { kind: 'group', name: '' },
    timing: noTiming(),
    weight: 1,
    // keepalived's default scheduler.
    scheduler: 'wlc',
    flags: [],
    forwarding: 'NAT',
    tunnel: [],
    protocol: 'TCP',
    persistenceTimeoutMs: 0,
    persistenceEngine: null,
    persistenceGranularity: null,
    ipFamily: null,
    quorum: 1,
    hysteresis: 0,
    quorumUp: null,
    quorumDown: null,
    sorry: null,
    sorryInhibit: false,
    sorryForwarding: null,
    inhibitOnFailure: false,
    omega: false,
    haSuspend: false,
    smtpAlert: null,
    snmpName: null,
    realDrafts: [],
  };
  const name = block.values.map((word) => word.text).join(' ');
  readStatements(report, `virtual_server ${name}`, block.block ?? [], virtualKeywords(commands), draft);
  checkQuorum(report, block.keyword, draft);
  if (target === null) return null;
  const { timing, smtpAlert, sorry, sorryInhibit, sorryForwarding, realDrafts, ...rest } = omit(
    draft,
    'inhibitOnFailure',
    'weight',
  );
  const forwarding = sorryForwarding ?? draft.forwarding;
  const port = sorry === null ? 0 : reachablePort(report, block.keyword, sorry, forwarding, draft);
  return {
    ...rest,
    where: whereOf(block.keyword),
    sendsMail: smtpAlert ?? mailDefault ?? false,
    sorryServer: sorry === null ? null : { ...sorry, port, inhibit: sorryInhibit, forwarding },
    realServers: realDrafts.map((real) =>
      finishReal(
        report,
        { ...real, smtpAlert: real.smtpAlert ?? smtpAlert ?? mailDefault ?? true },
        draft,
        inherit(real.timing, timing),
        commands,
      ),
    ),
  };
}

function checkQuorum(
  report: Report,
  place: Word,
  { quorum, hysteresis, realDrafts, sorry, target, weight: defaultWeight }: VirtualDraft,
): void {
  if (hysteresis >= quorum && hysteresis > 0) {
    report.error(place, 'bad-quorum', `hysteresis ${hysteresis} is not less than the quorum ${quorum}`);
  }
  const weight = realDrafts.reduce((sum, real) => sum + (real.ownWeight ?? defaultWeight), 0);
  if (realDrafts.length > 0 && weight < quorum) {
    report.warn(
      place,
      'no-quorum',
      `the weights of all real servers, ${weight}, never reach the quorum ${quorum}`,
    );
  }
  if (target.kind !== 'address') return;
  const family = familyOf(target.address);
  const stranger = [...realDrafts, ...(sorry === null ? [] : [sorry])].find(
    ({ address }) => familyOf(address) !== family,
  );
  if (stranger !== undefined) {
    report.warn(
      place,
      'mixed-families',
      `${stranger.address} is of another family than ${target.address}: only TUN can forward to it`,
    );
  }
}

/** Packets that are passed on as they are, by DR or TUN, keep their port. */
function reachablePort(
  report: Report,
  place: Word,
  { address, port }: Endpoint,
  forwarding: Forwarding,
  { target }: VirtualDraft,
): number {
  if (forwarding === 'NAT' || target.kind !== 'address' || port === target.port) return port;
  const sentence = `${forwarding} leaves the port as it is: ${address} gets ${target.port}, not ${port}`;
  report.warn(place, 'other-port', sentence);
  return target.port;
}

function finishReal(
  report: Report,
  real: RealDraft,
  server: VirtualDraft,
  timing: Timing,
  commands: Commands,
): RealServerConf {
  const { checkerBlocks, smtpAlert, ownWeight, ...rest } = omit(real, 'timing', 'place');
  const forwarding = real.forwarding ?? server.forwarding;
  const endpoint = {
    address: real.address,
    port: reachablePort(report, real.place, real, forwarding, server),
  };
  const checkers = checkerBlocks
    .map(({ kind, block }) => readChecker(report, block, kind, endpoint, timing, commands))
    .filter((checker): checker is CheckerConf => checker !== null);
  const needsPort = checkers.find(
    ({ kind, connect }) => connect.port === 0 && /^(?:TCP|HTTP|SSL|SMTP|UDP)/.test(kind),
  );
  if (needsPort !== undefined) {
    report.error(
      checkerBlocks[0]?.block.keyword as Word,
      'no-port',
      `${needsPort.kind} needs a port: real_server or connect_port names it`,
    );
  }
  return {
    ...rest,
    ...endpoint,
    weight: ownWeight ?? server.weight,
    forwarding,
    inhibitOnFailure: real.inhibitOnFailure ?? server.inhibitOnFailure,
    sendsMail: smtpAlert ?? true,
    checkers,
  };
}
