// Servers that share one name and have each an address of it to themselves (HAProxy's server-template behind a headless
// service of Kubernetes): who has an address keeps it while the name has it, and who has none takes one that is free.

import type { SlotConf } from './endpoint-conf.ts';

export class AddressSlots {
  readonly #groups = new Map<string, Map<number, string>>();

  /** The address of this slot now that the name has `addresses`; null: others have them all. */
  take({ group, index }: SlotConf, addresses: readonly string[]): string | null {
    const taken = this.#groups.get(group) ?? new Map<number, string>();
    this.#groups.set(group, taken);
    const own = taken.get(index);
    if (own !== undefined && addresses.includes(own)) return own;
    taken.delete(index);
    const others = new Set(taken.values());
    const free = addresses.find((address) => !others.has(address)) ?? null;
    if (free !== null) taken.set(index, free);
    return free;
  }

  /** There are these only: what others had is free again. */
  keep(slots: readonly SlotConf[]): void {
    for (const [group, taken] of this.#groups) {
      const left = new Set(slots.filter((one) => one.group === group).map(({ index }) => index));
      for (const index of taken.keys()) if (!left.has(index)) taken.delete(index);
      if (taken.size === 0) this.#groups.delete(group);
    }
  }
}
