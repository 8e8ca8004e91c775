// The hello: what sentinels tell each other on `__sentinel__:hello` (sentinel.md §5.1). Text only; what a hello does
// is in receive-hello.ts.

import { isPort } from './address.ts';

export const HELLO_CHANNEL = '__sentinel__:hello';

/** Longer than any hello that can be meant; the rest of the decoder's work is spared. Bytes. */
export const HELLO_BYTES_MAX = 1024;

/** Epochs are unsigned 64-bit numbers. */
export const EPOCH_MAX = 0xffff_ffff_ffff_ffffn;

export interface Hello {
  readonly host: string;
  readonly port: number;
  readonly runId: string;
  readonly currentEpoch: bigint;
  readonly masterName: string;
  readonly masterHost: string;
  readonly masterPort: number;
  readonly masterConfigEpoch: bigint;
}

export function formatHello(hello: Hello): string {
  return [
    hello.host,
    hello.port,
    hello.runId,
    hello.currentEpoch,
    hello.masterName,
    hello.masterHost,
    hello.masterPort,
    hello.masterConfigEpoch,
  ].join(',');
}

/** An unsigned 64-bit decimal, or null. */
export function parseEpoch(text: string): bigint | null {
  if (!/^\d{1,20}$/.test(text)) return null;
  const value = BigInt(text);
  return value <= EPOCH_MAX ? value : null;
}

function parsePort(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  const port = Number(text);
  return isPort(port) ? port : null;
}

/**
 * Reads a hello; null if it is not one.
 *
 * Differs from Sentinel: numbers must be numbers and the run id 40 characters, because the reference takes leading
 * digits, and one mangled hello could then inflate the epoch of every sentinel for good.
 */
export function parseHello(payload: string): Hello | null {
  if (payload.length > HELLO_BYTES_MAX) return null;
  const fields = payload.split(',');
  if (fields.length !== 8) return null;
  const [host, portText, runId, epochText, masterName, masterHost, masterPortText, configEpochText] =
    fields as [string, string, string, string, string, string, string, string];
  const port = parsePort(portText);
  const currentEpoch = parseEpoch(epochText);
  const masterPort = parsePort(masterPortText);
  const masterConfigEpoch = parseEpoch(configEpochText);
  if (port === null || currentEpoch === null || masterPort === null || masterConfigEpoch === null)
    return null;
  if (
    !/^[0-9a-zA-Z]{40}$/.test(runId) ||
    /[\s\0]/.test(host + masterHost) ||
    host === '' ||
    masterHost === ''
  ) {
    return null;
  }
  return { host, port, runId, currentEpoch, masterName, masterHost, masterPort, masterConfigEpoch };
}
