// The machine under test: the whole of sentinel/, set up as the daemon does it.

import { assert } from '../base/assert.ts';
import { Sentinel } from '../sentinel/sentinel.ts';
import { preparePort } from '../sentinel/server/server.ts';
import type { Machine, MachineOptions } from './machine.ts';

const VERSION = '7.2.4';

export function sentinelMachine(options: MachineOptions): Machine {
  const { conf, host } = options;
  const port = preparePort(conf.server, { flavour: 'redis', version: VERSION }, host);
  assert(port.ok, 'the simulated configuration has no problems');
  return new Sentinel({ ...options, port: port.value, version: VERSION });
}
