// A running endpoint daemon reads its configuration anew: at a signal, or when it is ordered to, with another file.

import type { Doors } from '../daemon/endpoint/doors.ts';
import type { EndpointDaemon } from '../daemon/endpoint/endpoint-daemon.ts';
import type { EndpointLog } from '../daemon/endpoint/endpoint-journal.ts';
import type { ServiceManager } from '../daemon/service-manager.ts';
import type { EndpointOptions } from './endpoint-arguments.ts';
import { aboutOf, doorsOf, readPlan, staysAwake, workersOf } from './endpoint-plan.ts';

export interface Reloading {
  readonly daemon: Pick<EndpointDaemon, 'reload'>;
  readonly doors: Pick<Doors, 'configure'>;
  /** As it was started. */
  readonly options: EndpointOptions;
  readonly log: EndpointLog;
  readonly manager: Pick<ServiceManager, 'reloading' | 'ready'>;
}

export class EndpointReloader {
  readonly #reloading: Reloading;
  /** With the file that was read last. */
  #options: EndpointOptions;
  /** One after the other: two at once would open the same doors twice. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(reloading: Reloading) {
    this.#reloading = reloading;
    this.#options = reloading.options;
  }

  /**
   * `file`: this one from now on, where it describes the endpoints at all. With something that cannot be used, all stays
   * as it is. Returns what is wrong; nothing: it was read, and all of it is served.
   */
  reload(file: string | null = null): Promise<readonly string[]> {
    const done = this.#last.then(() => this.#reloadNow(file));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #reloadNow(file: string | null): Promise<readonly string[]> {
    const { manager } = this.#reloading;
    manager.reloading();
    try {
      return await this.#reload(file === null ? this.#options : { ...this.#options, file });
    } finally {
      // Also with what was refused: the service goes on.
      manager.ready();
    }
  }

  async #reload(options: EndpointOptions): Promise<readonly string[]> {
    const { daemon, doors, log } = this.#reloading;
    const warn = (line: string): void => log.write('warning', Buffer.from(line, 'utf8').toString('latin1'));
    const plan = readPlan(options);
    const outcome = plan.ok
      ? await daemon.reload(plan.value.conf, {
          about: aboutOf(plan.value),
          workers: workersOf(options, plan.value.process),
          staysAwake: staysAwake(options, plan.value.process),
          tlsFiles: plan.value.tlsFiles,
        })
      : plan;
    if (!plan.ok || !outcome.ok) {
      const problems = outcome.ok ? [] : outcome.problem;
      for (const line of problems) warn(line);
      log.write('warning', 'the configuration was not read anew: the one before it stays');
      return problems;
    }
    this.#options = options;
    for (const { sentence } of await doors.configure(doorsOf(plan.value))) warn(sentence);
    for (const line of [...plan.value.warnings, ...outcome.value]) warn(line);
    if (outcome.value.length === 0) log.write('notice', 'the configuration was read anew');
    else
      log.write(
        'warning',
        'the configuration was read anew, but not all of it is served: SIGHUP tries again',
      );
    return outcome.value;
  }
}
