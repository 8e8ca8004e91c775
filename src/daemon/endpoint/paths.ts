// The paths of a daemon's endpoints: hands each route to the path of its endpoint, and an ordered switch's steps to all
// that have a part in it.

import type { Route } from '../../endpoint/route.ts';
import type { SwitchAnswer, SwitchStep } from '../../endpoint/io.ts';
import type { TlsFiles } from '../../net/tls-files.ts';
import type { RoutePath } from './route-path.ts';

export class Paths {
  /** By the frontend's name. */
  readonly #paths: Map<string, RoutePath>;

  constructor(paths: ReadonlyMap<string, RoutePath>) {
    this.#paths = new Map(paths);
  }

  add(paths: ReadonlyMap<string, RoutePath>): void {
    for (const [name, path] of paths) this.#paths.set(name, path);
  }

  /** Takes back what was opened for these endpoints; resolves when it is. */
  async drop(endpoints: readonly string[]): Promise<void> {
    for (const path of this.#distinct()) {
      const mine = endpoints.filter((endpoint) => this.#paths.get(endpoint) === path);
      for (const endpoint of mine) this.#paths.delete(endpoint);
      if (this.#distinct().includes(path)) path.drop?.(mine);
      else await path.close();
    }
  }

  apply(route: Route): void {
    this.#paths.get(route.endpoint)?.apply(route);
  }

  /** Done when all are. */
  async takeStep(endpoints: readonly string[], step: SwitchStep): Promise<SwitchAnswer> {
    const answers = await Promise.all(
      this.#distinct().map(async (path): Promise<SwitchAnswer> => {
        const mine = endpoints.filter((endpoint) => this.#paths.get(endpoint) === path);
        if (mine.length === 0 || path.takeStep === undefined) return { kind: 'done' };
        return path.takeStep(mine, step);
      }),
    );
    return answers.find(({ kind }) => kind === 'failed') ?? { kind: 'done' };
  }

  resize(workers: number | null): void {
    for (const path of this.#distinct()) path.resize?.(workers);
  }

  renewTls(files: TlsFiles): void {
    for (const path of this.#distinct()) path.renewTls?.(files);
  }

  status(): unknown[] {
    return this.#distinct().map((path) => path.status());
  }

  async close(): Promise<void> {
    await Promise.all(this.#distinct().map((path) => path.close()));
  }

  #distinct(): RoutePath[] {
    return [...new Set(this.#paths.values())];
  }
}
