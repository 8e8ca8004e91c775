// A process with a mail server in it, for tests in a network namespace: it listens on the address and port of its
// arguments and prints each mail it gets as a line of JSON.

import { Relay } from '../harness/smtp-relay.ts';

const [host = '', port = ''] = process.argv.slice(2);
const relay = await Relay.start(host, Number(port));
process.stdout.write('listening\n');
let told = 0;
setInterval(() => {
  for (const { from, to, headers } of relay.received.slice(told)) {
    told += 1;
    process.stdout.write(`${JSON.stringify({ from, to, subject: headers.get('Subject') })}\n`);
  }
}, 20);
