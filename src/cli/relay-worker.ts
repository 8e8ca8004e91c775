// `baton relay-worker`: not for people. The endpoint's daemon starts it as a child to carry bytes.

import { runRelayWorker } from '../daemon/endpoint/relay-worker.ts';

/** Serves until the parent is gone; started by hand, it says so and exits 2. */
export function startRelayWorker(): void {
  if (process.send === undefined) {
    process.stderr.write('baton: relay-worker is started by baton endpoint, not by hand\n');
    process.exitCode = 2;
    return;
  }
  runRelayWorker();
}
