// One address that the nat path leads clients from: what its elements in the kernel are to say, and whether the kernel
// has been told.

import { isIP, isIPv6 } from 'node:net';
import { assert } from '../../base/assert.ts';
import { failure, type Problem } from '../../base/result.ts';
import { dealSlots } from '../../endpoint/deal-slots.ts';
import { NAT_SLOTS, type NatElements, type NatListen, elementCommands } from '../../endpoint/nat/rules.ts';
import { type Route, type Target, isSameTarget, targetText } from '../../endpoint/route.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { addressBytes, addressText, isPlainAddress } from '../../os/ip-address.ts';
import type { KillClients } from './kill-clients.ts';

const NOWHERE: NatElements = { slots: [], allowed: [], timeoutMs: Infinity };

export class NatAddress {
  readonly endpoint: string;
  killClients: KillClients;
  nat: NatListen;
  /** The kernel has not been told yet. */
  isDirty = true;
  /** Connections to servers that it does not allow are to be ended, once the kernel has been told. */
  endsOthers = false;
  /** It leads nowhere any more, and is taken out of the table once its clients are gone. */
  isLeaving = false;
  #elements = NOWHERE;
  /** Boot-clock milliseconds. */
  #deadline = Infinity;

  constructor(endpoint: string, { host, port }: Target, killClients: KillClients) {
    this.endpoint = endpoint;
    this.killClients = killClients;
    const family = isIPv6(host) ? 'ipv6' : 'ipv4';
    // As the kernel writes it.
    this.nat = { host: addressText(addressBytes(host)), port, family, balance: 'roundrobin' };
  }

  /** Decides what its elements are to be. A sentence if the route's servers can't be reached from here, else null. */
  lead(route: Route, isChange: boolean): string | null {
    const isIpv6 = this.nat.family === 'ipv6';
    const reachable = route.servers.filter(({ host }) => isPlainAddress(host) && isIPv6(host) === isIpv6);
    const used = reachable.slice(0, route.balance === 'first' ? 1 : NAT_SLOTS);
    const weights = used.map(({ weight }) => weight);
    const slots = dealSlots(weights, NAT_SLOTS)
      .map((index) => used[index])
      .filter((server) => server !== undefined);
    const kept = route.endsOthers ? (route.keeps ?? []) : this.#elements.allowed;
    const keeps = kept.filter(
      (old) =>
        isPlainAddress(old.host) &&
        isIPv6(old.host) === isIpv6 &&
        !used.some((server) => isSameTarget(server, old)),
    );
    this.#elements = { slots, allowed: [...used, ...keeps], timeoutMs: Infinity };
    this.#deadline = route.deadline;
    this.isDirty = true;
    this.endsOthers ||= isChange && route.endsOthers;
    this.nat = { ...this.nat, balance: route.balance };
    const [unreachable] = route.servers;
    if (unreachable === undefined || reachable.length > 0) return null;
    const why = isPlainAddress(unreachable.host)
      ? 'an address of another family: let the endpoint listen on one of its own'
      : 'which is no address that nftables could lead to: name another one';
    return `Clients of ${targetText(this.nat)} cannot be led to ${targetText(unreachable)}, ${why}, or use --path relay.`;
  }

  leadNowhere(endsOthers: boolean): void {
    const allowed = endsOthers ? [] : this.#elements.allowed;
    this.#elements = { slots: [], allowed, timeoutMs: Infinity };
    this.#deadline = Infinity;
    this.isDirty = true;
    this.endsOthers ||= endsOthers;
  }

  allows(server: Target): boolean {
    return this.#elements.allowed.some((allowed) => isSameTarget(allowed, server));
  }

  /** Tells the kernel, which has it at `index` of `table`. */
  commands(table: string, index: number): string[] {
    this.isDirty = false;
    const timeoutMs = this.#deadline - bootClockMs();
    // What has lapsed already leads nowhere.
    const elements = timeoutMs < 1 ? NOWHERE : { ...this.#elements, timeoutMs };
    return elementCommands(table, index, elements);
  }
}

/** What the kernel can't lead clients from. */
export function listenProblem(target: Target): Problem | null {
  const { host } = target;
  assert(isIP(host) !== 0, `not a numeric address: ${host}`);
  const bytes = addressBytes(host);
  const isIpv6 = bytes.length === 16;
  const isLoopback = isIpv6 ? host === '::1' : bytes[0] === 127;
  const isAny = bytes.every((byte) => byte === 0);
  const isLinkLocal = isIpv6 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
  if (!isLoopback && !isAny && !isLinkLocal) return null;
  const what = isLoopback ? 'a loopback address' : isAny ? 'every address' : 'a link-local address';
  const sentence = `${targetText(target)} is ${what}, which nat cannot lead clients from: name an address of this machine, or use --path ${isLoopback ? 'socket or --path relay' : 'relay'}`;
  return failure({ code: 'nat-listen', sentence }).problem;
}
