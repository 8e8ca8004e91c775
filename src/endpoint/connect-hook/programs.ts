// The programs of the connect hook, an instruction a line. The kernel runs them inside the calls of every process of a
// cgroup; a program that the verifier accepts can neither loop nor touch what it may not.
//
//   connect   runs at connect(). If the address asked for is an endpoint's, it is replaced by a server's before anything
//             is sent: the bytes then flow directly. If the endpoint's deadline has passed, the connection is refused.
//   peer      runs at getpeername(): a socket that was led says the address its program asked for.
//   release   runs when a socket is let go of: it is forgotten.
//
// Their licence is MIT: none of the helpers wants a GPL-compatible one.

import {
  type Line,
  add,
  call,
  exit,
  jumpIfAtLeast,
  jumpIfEqual,
  jumpIfUnequal,
  keepLower32,
  load32,
  load64,
  multiply,
  set,
  setMap,
  setWide,
  shiftRight,
  store32,
  store64,
} from './assembler.ts';
import { ENTRY, PLACE_BYTES, PLACE_PORT, SLOTS, SOCKET } from './layout.ts';

export type HookFamily = 'ipv4' | 'ipv6';

export interface ConnectOptions {
  readonly family: HookFamily;
  /** Sockets of this network namespace only, by its cookie; null: of all. */
  readonly networkNamespace: bigint | null;
  /** Refuses with ECONNREFUSED, which needs Linux 6.1; false: with EPERM, the kernel's own choice. */
  readonly choosesErrno: boolean;
}

/** Offsets in `struct bpf_sock_addr` (linux/bpf.h). Address and port are in network order, and may be written. */
export const CONTEXT = { ip4: 4, ip6: 8, port: 24, protocol: 36, bytes: 72 } as const;
/** Offset in `struct bpf_sock`, the context of a release. */
export const SOCK_PROTOCOL = 12;

/** Helpers by number (`enum bpf_func_id`). */
export const HELPER = {
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  randomU32: 7,
  socketCookie: 46,
  networkNamespaceCookie: 122,
  bootTimeNs: 125,
  setReturn: 187,
} as const;

export const IPPROTO_TCP = 6;
export const ECONNREFUSED = 111;

/** Whether the kernel goes on with the call. */
const GO_ON = 1;
const STOP = 0;

// The stack, from its end: a place asked for, before it the place led to (together a socket's entry), before it a cookie.
const ASKED = -PLACE_BYTES;
const LED = ASKED - PLACE_BYTES;
const COOKIE = LED - 8;

const WORDS = [0, 4, 8, 12] as const;
/** The word of ::ffff:a.b.c.d before the IPv4 address, as a little-endian machine loads it. */
const MAPPED = 0xffff0000 | 0;
/** Offset of the IPv4 address within a place. */
const PLACE_IP4 = 12;

/** The address in the context, from r6, as a place at `at` of the stack. */
function storeContextPlace(family: HookFamily, at: number): Line[] {
  const address: Line[] =
    family === 'ipv4'
      ? [
          store32('r10', at, 0), // ::ffff: …
          store32('r10', at + 4, 0),
          store32('r10', at + 8, MAPPED),
          load32('r1', 'r6', CONTEXT.ip4), // … a.b.c.d
          store32('r10', at + PLACE_IP4, 'r1'),
        ]
      : WORDS.flatMap((word) => [
          load32('r1', 'r6', CONTEXT.ip6 + word), // Word by word.
          store32('r10', at + word, 'r1'),
        ]);
  return [
    ...address,
    load32('r1', 'r6', CONTEXT.port), // Its upper half is zero.
    store32('r10', at + PLACE_PORT, 'r1'),
  ];
}

/** A place at `offset` from `from` becomes the address in the context, at r6. */
function setContextPlace(family: HookFamily, from: 'r0' | 'r10', offset: number): Line[] {
  const address: Line[] =
    family === 'ipv4'
      ? [load32('r1', from, offset + PLACE_IP4), store32('r6', CONTEXT.ip4, 'r1')]
      : WORDS.flatMap((word) => [
          load32('r1', from, offset + word), // Word by word; the kernel allows no more at once.
          store32('r6', CONTEXT.ip6 + word, 'r1'),
        ]);
  return [
    ...address,
    load32('r1', from, offset + PLACE_PORT), // And the port.
    store32('r6', CONTEXT.port, 'r1'),
  ];
}

/** The cookie of the context's socket, from r6, to its place on the stack. */
function storeCookie(): Line[] {
  return [
    set('r1', 'r6'), // Its only argument: the context.
    call(HELPER.socketCookie),
    store64('r10', COOKIE, 'r0'),
  ];
}

/** r1 and r2 for the socket of the cookie on the stack. */
function pointAtSocket(): Line[] {
  return [
    setMap('r1', 'sockets'), // First argument: the map.
    set('r2', 'r10'), // Second: where the key is.
    add('r2', COOKIE),
  ];
}

/** Attach type BPF_CGROUP_INET4_CONNECT or BPF_CGROUP_INET6_CONNECT. */
export function connectProgram({ family, networkNamespace, choosesErrno }: ConnectOptions): readonly Line[] {
  return [
    set('r6', 'r1'), // Keep the context: calls lose r1.
    load32('r1', 'r6', CONTEXT.protocol), // Only TCP is led;
    jumpIfUnequal('r1', IPPROTO_TCP, 'go on'), // a UDP socket may connect to the same address.

    // Is it an endpoint's address?
    ...storeContextPlace(family, ASKED),
    setMap('r1', 'endpoints'), // First argument: the map.
    set('r2', 'r10'), // Second: where the key is.
    add('r2', ASKED),
    call(HELPER.mapLookup), // r0: the entry, or null.
    jumpIfEqual('r0', 0, 'go on'),
    set('r7', 'r0'), // Keep the entry.

    ...(networkNamespace === null ? [] : ofNamespace(networkNamespace)),

    // Does the decision still stand?
    call(HELPER.bootTimeNs), // r0: time that goes on while the machine sleeps.
    load64('r1', 'r7', ENTRY.deadline),
    jumpIfAtLeast('r0', 'r1', 'refuse'),

    // A slot at random: the upper half of random times slots, whose range the verifier sees.
    call(HELPER.randomU32),
    keepLower32('r0'),
    multiply('r0', SLOTS),
    shiftRight('r0', 32),
    multiply('r0', PLACE_BYTES),
    add('r7', 'r0'), // r7: the entry, moved by the slot's offset.
    ...[...WORDS, PLACE_PORT].flatMap((word) => [
      load32('r1', 'r7', ENTRY.slots + word), // Copy its place to the stack, for two uses.
      store32('r10', LED + word, 'r1'),
    ]),

    // Remember the socket, else a later switch would miss it.
    ...storeCookie(),
    ...pointAtSocket(),
    set('r3', 'r10'), // Third: where the value is, both places.
    add('r3', LED),
    set('r4', 0), // Fourth: BPF_ANY, a socket may connect a second time.
    call(HELPER.mapUpdate),
    jumpIfUnequal('r0', 0, 'refuse'),

    ...setContextPlace(family, 'r10', LED),

    'go on',
    set('r0', GO_ON),
    exit(),

    'refuse',
    ...(choosesErrno ? [set('r1', -ECONNREFUSED), call(HELPER.setReturn)] : []),
    set('r0', STOP),
    exit(),
  ];
}

/** A cgroup's processes may be in any network namespace, and the same loopback address is in each. */
function ofNamespace(cookie: bigint): Line[] {
  return [
    set('r1', 'r6'), // Its only argument: the context.
    call(HELPER.networkNamespaceCookie),
    setWide('r1', cookie), // Ours.
    jumpIfUnequal('r0', 'r1', 'go on'),
  ];
}

/** Attach type BPF_CGROUP_INET4_GETPEERNAME or BPF_CGROUP_INET6_GETPEERNAME. The verifier wants a result of 1. */
export function peerProgram(family: HookFamily): readonly Line[] {
  return [
    set('r6', 'r1'), // Keep the context.
    ...storeCookie(),
    ...pointAtSocket(),
    call(HELPER.mapLookup), // r0: the socket's entry, or null.
    jumpIfEqual('r0', 0, 'go on'),

    // A socket may have been connected elsewhere since: only where we led it do we answer for it.
    ...storeContextPlace(family, LED),
    ...[...WORDS, PLACE_PORT].flatMap((word) => [
      load32('r1', 'r10', LED + word),
      load32('r2', 'r0', SOCKET.target + word),
      jumpIfUnequal('r1', 'r2', 'go on'),
    ]),
    ...setContextPlace(family, 'r0', SOCKET.endpoint),

    'go on',
    set('r0', GO_ON),
    exit(),
  ];
}

/** Attach type BPF_CGROUP_INET_SOCK_RELEASE. So the map holds live sockets only, and none of them is ever pushed out. */
export function releaseProgram(): readonly Line[] {
  return [
    set('r6', 'r1'), // Keep the context.
    load32('r1', 'r6', SOCK_PROTOCOL),
    jumpIfUnequal('r1', IPPROTO_TCP, 'go on'),
    ...storeCookie(),
    ...pointAtSocket(),
    call(HELPER.mapDelete),
    'go on',
    set('r0', GO_ON),
    exit(),
  ];
}
