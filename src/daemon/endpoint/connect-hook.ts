// The connect hook in the kernel: its two maps, its programs, and their links to a cgroup. What an entry should say is
// the business of socket-path.ts.

import { type MapName, type Line, assemble } from '../../endpoint/connect-hook/assembler.ts';
import {
  COOKIE_BYTES,
  ENTRY_BYTES,
  PLACE_BYTES,
  SOCKET,
  SOCKET_BYTES,
} from '../../endpoint/connect-hook/layout.ts';
import { connectProgram, peerProgram, releaseProgram } from '../../endpoint/connect-hook/programs.ts';
import {
  ATTACH_TYPE,
  BpfMap,
  type BpfObject,
  BpfProgram,
  MAP_TYPE,
  PROGRAM_TYPE,
  attachToCgroup,
} from '../../os/bpf.ts';
import { OsError } from '../../os/os-error.ts';

/** Addresses of endpoints. */
const ENDPOINTS_MAX = 4_096;
/** More than one machine has ports for towards one server. 7 MiB of the kernel's memory. */
const SOCKETS_MAX = 65_536;

/** How the verifier names the helper that it doesn't have, or not here: `bpf_set_retval#187`. */
const LACKS_SET_RETURN = /#187\b/;

type AttachType = (typeof ATTACH_TYPE)[keyof typeof ATTACH_TYPE];

/** A socket that was led. */
export interface LedSocket {
  /** Where to, and which address its program asked for: places of layout.ts. */
  readonly target: Buffer;
  readonly endpoint: Buffer;
}

/** Loaded by the constructor, which throws an OsError; at work once it is attached. */
export class ConnectHook {
  /** What this kernel can't do, in sentences. */
  readonly limits: string[] = [];
  readonly #endpoints: BpfMap;
  readonly #sockets: BpfMap;
  readonly #open: BpfObject[] = [];
  readonly #programs: { readonly program: BpfProgram; readonly attachType: AttachType }[] = [];

  /** `networkNamespace`: the cookie of the only one it cares for, or null. */
  constructor(networkNamespace: bigint | null) {
    try {
      this.#endpoints = this.#own(
        new BpfMap({
          type: MAP_TYPE.hash,
          keyBytes: PLACE_BYTES,
          valueBytes: ENTRY_BYTES,
          entriesMax: ENDPOINTS_MAX,
          name: 'baton_endpoints',
        }),
      );
      this.#sockets = this.#own(
        new BpfMap({
          type: MAP_TYPE.lruHash,
          keyBytes: COOKIE_BYTES,
          valueBytes: SOCKET_BYTES,
          entriesMax: SOCKETS_MAX,
          name: 'baton_sockets',
        }),
      );
      this.#loadRelease();
      this.#load(
        'baton_peer4',
        PROGRAM_TYPE.cgroupSockAddr,
        ATTACH_TYPE.inet4GetPeerName,
        peerProgram('ipv4'),
      );
      this.#load(
        'baton_peer6',
        PROGRAM_TYPE.cgroupSockAddr,
        ATTACH_TYPE.inet6GetPeerName,
        peerProgram('ipv6'),
      );
      this.#loadConnect('baton_connect4', ATTACH_TYPE.inet4Connect, 'ipv4', networkNamespace);
      this.#loadConnect('baton_connect6', ATTACH_TYPE.inet6Connect, 'ipv6', networkNamespace);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Puts it to work for the processes of a cgroup and those below it. Throws an OsError, and is closed then. */
  attach(folder: string): void {
    try {
      for (const { program, attachType } of this.#programs) {
        this.#own(attachToCgroup(program, folder, attachType));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sets the entry of an endpoint's address. Throws an OsError. */
  setEntry(place: Uint8Array, entry: Uint8Array): void {
    this.#endpoints.set(place, entry);
  }

  /** Forgets an endpoint's address: whoever asks for it gets what is there. Throws an OsError. */
  deleteEntry(place: Uint8Array): void {
    this.#endpoints.delete(place);
  }

  /** Null if it led no socket with this cookie. Throws an OsError. */
  ledSocket(cookie: Uint8Array): LedSocket | null {
    const value = this.#sockets.get(cookie);
    if (value === null) return null;
    return {
      target: value.subarray(SOCKET.target, SOCKET.target + PLACE_BYTES),
      endpoint: value.subarray(SOCKET.endpoint, SOCKET.endpoint + PLACE_BYTES),
    };
  }

  /** From now on no connect() is led, and nobody knows which were. */
  close(): void {
    // Links, which came last, go first.
    for (const object of this.#open.splice(0).toReversed()) object.close();
  }

  #own<T extends BpfObject>(object: T): T {
    this.#open.push(object);
    return object;
  }

  #load(
    name: string,
    type: (typeof PROGRAM_TYPE)[keyof typeof PROGRAM_TYPE],
    attachType: AttachType,
    lines: readonly Line[],
  ): void {
    const maps: Record<MapName, number> = { endpoints: this.#endpoints.fd, sockets: this.#sockets.fd };
    const instructions = assemble(lines, maps);
    const program = this.#own(new BpfProgram({ type, attachType, instructions, name }));
    this.#programs.push({ program, attachType });
  }

  #loadConnect(
    name: string,
    attachType: AttachType,
    family: 'ipv4' | 'ipv6',
    networkNamespace: bigint | null,
  ): void {
    const load = (choosesErrno: boolean): void => {
      const program = connectProgram({ family, networkNamespace, choosesErrno });
      this.#load(name, PROGRAM_TYPE.cgroupSockAddr, attachType, program);
    };
    try {
      load(true);
    } catch (error) {
      if (!(error instanceof OsError) || !LACKS_SET_RETURN.test(error.message)) throw error;
      load(false);
      const sentence = 'Clients that cannot be led get EPERM, not ECONNREFUSED: that needs Linux 6.1.';
      if (!this.limits.includes(sentence)) this.limits.push(sentence);
    }
  }

  #loadRelease(): void {
    try {
      this.#load('baton_release', PROGRAM_TYPE.cgroupSock, ATTACH_TYPE.inetSockRelease, releaseProgram());
    } catch (error) {
      // Linux 5.8 does not know where to attach it.
      if (!(error instanceof OsError) || error.code !== 'EINVAL') throw error;
      this.limits.push(
        `A connection that stays open while ${SOCKETS_MAX} others are made is not reset at a switch: that needs Linux 5.9.`,
      );
    }
  }
}
