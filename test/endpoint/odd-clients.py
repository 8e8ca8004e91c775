"""Clients that connect in unusual ways, to 127.0.0.1 and one port: each says which Redis answers and whom it seems to be
connected to, and, once a line comes in, how its connection ended."""

import errno
import json
import socket
import sys

PORT = int(sys.argv[1])
ENDPOINT = ("127.0.0.1", PORT)
QUESTION = b"CONFIG GET port\r\n"
TCP_FASTOPEN_CONNECT = 30
IPPROTO_MPTCP = 262


def blocking():
    client = socket.create_connection(ENDPOINT)
    client.sendall(QUESTION)
    return client


def non_blocking():
    client = socket.socket()
    client.setblocking(False)
    assert client.connect_ex(ENDPOINT) == errno.EINPROGRESS
    client.setblocking(True)
    client.sendall(QUESTION)
    return client


def fast_open():
    client = socket.socket()
    client.sendto(QUESTION, socket.MSG_FASTOPEN, ENDPOINT)
    return client


def fast_open_connect():
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    client.connect(ENDPOINT)
    client.sendall(QUESTION)
    return client


def bound():
    client = socket.socket()
    client.bind(("127.0.0.1", 0))
    client.connect(ENDPOINT)
    client.sendall(QUESTION)
    return client


def multipath():
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    client.connect(ENDPOINT)
    client.sendall(QUESTION)
    return client


connected = {}
for connect in (blocking, non_blocking, fast_open, fast_open_connect, bound, multipath):
    try:
        client = connect()
    except OSError as error:
        print(json.dumps({"kind": connect.__name__, "error": errno.errorcode[error.errno]}), flush=True)
        continue
    client.settimeout(10)
    answer = b""
    while answer.count(b"\r\n") < 5:
        answer += client.recv(100) or sys.exit(connect.__name__ + " was closed")
    connected[connect.__name__] = client
    print(
        json.dumps(
            {
                "kind": connect.__name__,
                "redis": int(answer.split(b"\r\n")[4]),
                "peer": "%s %d" % client.getpeername(),
            }
        ),
        flush=True,
    )

print(json.dumps({"kind": "all"}), flush=True)
sys.stdin.readline()
for kind, client in connected.items():
    try:
        end = "open" if client.recv(1) else "closed"
    except OSError as error:
        end = errno.errorcode.get(error.errno, "silent")
    print(json.dumps({"kind": kind, "end": end}), flush=True)
