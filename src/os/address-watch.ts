// Tells when links and addresses change, whoever changed them: an operator, the kernel's own expiry, or we ourselves.

import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  parseAddress,
  parseLink,
  type AddressOnLink,
  type Link,
} from './route-messages.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { watchReadable } from './watch-readable.ts';
import type { NetlinkMessage } from './netlink-message.ts';

const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;

/** Datagrams read in one go before the loop gets a turn; the rest is announced again. */
const BATCH_DATAGRAMS_MAX = 256;

/** What happened, in the kernel's order. */
export type AddressChange =
  /** A link is new, or something about it is. */
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'link-gone'; readonly link: Link }
  /** An address is new, refreshed, or was found to be (or not to be) somebody else's. */
  | { readonly kind: 'address'; readonly address: AddressOnLink }
  /** Removed by somebody, or by the kernel at the end of its lifetime, or with its link. */
  | { readonly kind: 'address-gone'; readonly address: AddressOnLink }
  /** There was more than the queue could hold, and some before this is missing: list everything again. */
  | { readonly kind: 'lost' };

/** Open from construction until `close`; the constructor throws an OsError. Needs no capability. */
export class AddressWatch {
  readonly #netlink = new NetlinkSocket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  readonly #onChange: (change: AddressChange) => void;
  readonly #watch: { close(): void };
  /**
   * Notices were dropped. The kernel goes on dropping them, without saying so again, until its queue has been read
   * empty; whoever listed everything before that would miss what comes in between.
   */
  #hasLost = false;
  #isOpen = true;

  constructor(onChange: (change: AddressChange) => void) {
    this.#onChange = onChange;
    this.#watch = watchReadable(this.#netlink.fd, () => this.readWaiting());
  }

  /**
   * Hands over what has happened. It happens by itself; a caller that is about to refresh an address calls it first,
   * to learn whether the address has expired meanwhile.
   */
  readWaiting(): void {
    for (let count = 0; count < BATCH_DATAGRAMS_MAX && this.#isOpen; count++) {
      const messages = this.#netlink.receive({ syscall: 'recv', doing: 'watch addresses' });
      if (messages === 'none') {
        if (this.#hasLost) this.#onChange({ kind: 'lost' });
        this.#hasLost = false;
        return;
      }
      if (messages === 'lost') {
        this.#hasLost = true;
        continue;
      }
      // Parsed before any is handed over: whoever hears of one may cause the next read.
      for (const change of messages.map(parseChange)) {
        // Whoever hears of one may close us.
        if (change !== null && this.#isOpen) this.#onChange(change);
      }
    }
    // Nobody announces that the queue is empty now.
    if (this.#hasLost) setImmediate(() => this.readWaiting());
  }

  close(): void {
    this.#isOpen = false;
    this.#watch.close();
    this.#netlink.close();
  }
}

function parseChange({ type, body }: NetlinkMessage): AddressChange | null {
  if (type === RTM_NEWLINK || type === RTM_DELLINK) {
    const link = parseLink(body);
    return link && { kind: type === RTM_NEWLINK ? 'link' : 'link-gone', link };
  }
  if (type === RTM_NEWADDR || type === RTM_DELADDR) {
    const address = parseAddress(body);
    return address && { kind: type === RTM_NEWADDR ? 'address' : 'address-gone', address };
  }
  return null;
}
