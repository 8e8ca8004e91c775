// The facts and files a simulated member's machine may ask for. Nothing here matters to the quorum; it is what INFO and
// ACL commands need to be answered at all.

import type { Random } from '../base/random.ts';
import { failure, success } from '../base/result.ts';
import type { Host, ProcessFacts } from '../sentinel/host.ts';

export function simulatedHost(random: Random, facts: () => ProcessFacts): Host {
  return {
    // Passwords are not simulated, so nothing is hashed that would need a real digest.
    sha256: (bytes) => bytes.length.toString(16).padStart(64, '0'),
    secretHex: (count) => random.hex(count),
    facts,
    isExecutable: () => true,
    readTextFile: () => failure('there are no files here'),
    writeTextFile: () => success(null),
  };
}
