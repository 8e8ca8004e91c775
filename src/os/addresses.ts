// The addresses of this machine's interfaces: list, set, refresh, remove. Synchronous, since the kernel answers within
// the call.
//
// An address set with a finite lifetime is the heart of the floating address: who holds it refreshes it, and when the
// holder dies, hangs or is frozen, the kernel removes it without anybody noticing.

import { type AddressName, type AddressOnLink, type AddressSetting, type Link } from './route-messages.ts';
import {
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  addressQuery,
  addressRemoval,
  addressRequest,
  linkQuery,
  parseAddress,
  parseLink,
} from './route-messages.ts';
import { NLM_F_CREATE, NLM_F_REPLACE } from './netlink-message.ts';
import { addressBytes, addressText } from './ip-address.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { OsError } from './os-error.ts';

/** All methods throw OsErrors; those that change something EPERM without CAP_NET_ADMIN. */
export class Addresses {
  readonly #netlink = new NetlinkSocket();

  /** Every interface, by index. */
  links(): Link[] {
    const bodies = this.#netlink.dump(RTM_GETLINK, linkQuery(), {
      syscall: 'netlink',
      doing: 'list interfaces',
    });
    return bodies.map(parseLink).filter((link) => link !== null);
  }

  /** Every address of every interface. */
  list(): AddressOnLink[] {
    const bodies = this.#netlink.dump(RTM_GETADDR, addressQuery(), {
      syscall: 'netlink',
      doing: 'list addresses',
    });
    return bodies.map(parseAddress).filter((address) => address !== null);
  }

  /**
   * Adds the address, or gives it its lifetimes (and, in IPv6, its flags) anew. The same prefix length refreshes it
   * without disturbing connections; another adds a second one. Scope, label and broadcast count when it is added.
   *
   * The kernel has no refresh that fails when the address has already expired: it comes back. Who must know reads
   * its AddressWatch first (`readWaiting`), where the expiry is told before anything that follows it.
   */
  set(setting: AddressSetting): void {
    this.#netlink.change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, addressRequest(setting), {
      syscall: 'netlink',
      doing: `set ${nameOf(setting)}`,
      permission: 'CAP_NET_ADMIN',
    });
  }

  /** Removes one address of one interface. False if it, or the interface, was not there. */
  remove(name: AddressName): boolean {
    try {
      this.#netlink.change(RTM_DELADDR, 0, addressRemoval(name), {
        syscall: 'netlink',
        doing: `remove ${nameOf(name)}`,
        permission: 'CAP_NET_ADMIN',
      });
      return true;
    } catch (error) {
      if (error instanceof OsError && (error.code === 'EADDRNOTAVAIL' || error.code === 'ENODEV'))
        return false;
      throw error;
    }
  }

  /**
   * Removes `address` whatever its prefix length, peer and lifetime, from one interface or from all (`linkIndex` null).
   * Returns what it removed. A leftover with another prefix length beside ours would never expire.
   */
  removeAll(address: string, linkIndex: number | null): AddressOnLink[] {
    const wanted = addressText(addressBytes(address));
    return this.list().filter(
      (found) =>
        found.address === wanted &&
        (linkIndex === null || found.linkIndex === linkIndex) &&
        this.remove(found),
    );
  }

  close(): void {
    this.#netlink.close();
  }
}

function nameOf({ address, prefixLength, linkIndex }: AddressName): string {
  return `${address}/${prefixLength} on interface ${linkIndex}`;
}
