// Conditions of rules (HAProxy's acls): on the two ends of a client's connection, and on how servers fare. Who carries
// clients decides them for each, with what the machine told last of the servers.

import { inRanges, type AddressRange } from './address-range.ts';

/** Both ends included. */
export type NumberRange = readonly [least: number, most: number];

export type Test =
  | { readonly kind: 'always' }
  /** The client's own address, or the one that it came to. */
  | {
      readonly kind: 'address';
      readonly of: 'source' | 'destination';
      readonly ranges: readonly AddressRange[];
    }
  | { readonly kind: 'port'; readonly of: 'source' | 'destination'; readonly ranges: readonly NumberRange[] }
  /** How many servers of a backend clients may be led to; or of one server 1 while it is well, else 0. */
  | {
      readonly kind: 'servers-up';
      readonly backend: string;
      /** null: all of the backend's. */
      readonly server: string | null;
      readonly ranges: readonly NumberRange[];
    };

/** One of the tests holds; none: never. */
export interface Term {
  readonly isNegated: boolean;
  readonly tests: readonly Test[];
}

/** Holds, unless `isNegated`, where all terms of one of `anyOf` do. */
export interface Condition {
  readonly isNegated: boolean;
  readonly anyOf: readonly (readonly Term[])[];
}

export const ALWAYS: Condition = {
  isNegated: false,
  anyOf: [[{ isNegated: false, tests: [{ kind: 'always' }] }]],
};

/** The two ends of a client's connection; of a unix socket the addresses are empty. */
export interface ClientEnds {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly targetAddress: string;
  readonly targetPort: number;
}

export const NO_ENDS: ClientEnds = { sourceAddress: '', sourcePort: 0, targetAddress: '', targetPort: 0 };

/** How many servers are up, by {@link factName}. What is not in it is 0. */
export type ServerFacts = Readonly<Record<string, number>>;

/** Names of backends hold no slash. */
export const factName = (backend: string, server: string | null): string =>
  server === null ? backend : `${backend}/${server}`;

export type ServersTest = Extract<Test, { readonly kind: 'servers-up' }>;

/** What has to be known of servers to decide it. */
export const serversAskedFor = ({ anyOf }: Condition): readonly ServersTest[] =>
  anyOf.flat().flatMap(({ tests }) => tests.filter((test) => test.kind === 'servers-up'));

export type Decide = (client: ClientEnds, facts: ServerFacts) => boolean;

export function decider({ isNegated, anyOf }: Condition): Decide {
  const alternatives = anyOf.map((all) =>
    all.map((term): Decide => {
      const tests = term.tests.map(testOf);
      return (client, facts) => tests.some((test) => test(client, facts)) !== term.isNegated;
    }),
  );
  return (client, facts) =>
    alternatives.some((all) => all.every((holds) => holds(client, facts))) !== isNegated;
}

function testOf(test: Test): Decide {
  switch (test.kind) {
    case 'always':
      return () => true;
    case 'address': {
      const isIn = inRanges(test.ranges);
      return test.of === 'source'
        ? ({ sourceAddress }) => isIn(sourceAddress)
        : ({ targetAddress }) => isIn(targetAddress);
    }
    case 'port':
      return test.of === 'source'
        ? ({ sourceAddress, sourcePort }) => sourceAddress !== '' && isWithin(test.ranges, sourcePort)
        : ({ targetAddress, targetPort }) => targetAddress !== '' && isWithin(test.ranges, targetPort);
    case 'servers-up': {
      const name = factName(test.backend, test.server);
      return (_, facts) => isWithin(test.ranges, facts[name] ?? 0);
    }
  }
}

export const isWithin = (ranges: readonly NumberRange[], value: number): boolean =>
  ranges.some(([least, most]) => value >= least && value <= most);
