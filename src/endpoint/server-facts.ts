// What the machine tells of servers to those who decide conditions for clients: only what some condition asks about, and
// whenever it has changed.

import type { Backend } from './backend.ts';
import { claims } from './choose-primary.ts';
import { factName, serversAskedFor, type ServersTest } from './condition.ts';
import type { Core } from './core.ts';
import type { EndpointsConf } from './endpoint-conf.ts';

export class ServerFactsTeller {
  #asked: readonly ServersTest[] = [];
  #told = '';

  configure(conf: EndpointsConf): void {
    const rules = [
      ...conf.frontends.flatMap(({ clientRules = [], backendRules = [], branches = [] }) => [
        ...clientRules,
        ...backendRules,
        ...branches.filter((branch) => branch !== null),
      ]),
      ...conf.backends.flatMap(({ serverRules = [] }) => serverRules),
    ];
    this.#asked = rules.flatMap(({ when }) => serversAskedFor(when));
    // Whoever comes with the new configuration knows nothing.
    this.#told = '';
  }

  tell(core: Core, backends: ReadonlyMap<string, Backend>): void {
    if (this.#asked.length === 0) return;
    const facts = Object.fromEntries(
      this.#asked.map(({ backend, server }) => {
        const found = backends.get(backend);
        const count = found === undefined ? 0 : server === null ? found.able : isUp(found, server) ? 1 : 0;
        return [factName(backend, server), count];
      }),
    );
    const told = JSON.stringify(facts);
    if (told === this.#told) return;
    this.#told = told;
    core.emit({ kind: 'servers-up', facts });
  }
}

/** Passes its check, whether or not it has clients; of a Redis that includes the role that is asked for. */
export function isUp(backend: Backend, name: string): boolean {
  const checked = backend.allChecked.find((one) => one.name === name);
  if (checked !== undefined) return checked.health === 'up' && checked.adminState !== 'maint';
  const server = backend.group?.servers.find((one) => one.name === name);
  if (server === undefined || server.adminState === 'maint' || server.verdict.health !== 'up') return false;
  return backend.conf.role.kind === 'primary' ? claims(server) : server.info?.role === 'slave';
}
