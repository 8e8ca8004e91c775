// Joins the sentinel's process to the quorum machine.

import { success } from '../base/result.ts';
import { Sentinel } from '../sentinel/sentinel.ts';
import { preparePort } from '../sentinel/server/server.ts';
import { runSentinel } from './sentinel.ts';

/** `baton sentinel`, with the arguments after that word. */
export async function runSentinelCommand(argv: readonly string[]): Promise<void> {
  await runSentinel(argv, (options) => {
    const port = preparePort(options.conf.server, options.product, options.host);
    return port.ok ? success(() => new Sentinel({ ...options, port: port.value })) : port;
  });
}
