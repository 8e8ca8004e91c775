"""What an application does with redis-py as it ships, against one port; prints `done` when all was as it should be."""

import sys
import threading

import redis

PORT = int(sys.argv[1])


def equal(actual, expected):
    assert actual == expected, f"{actual!r} instead of {expected!r}"


def strings(client):
    equal(client.set("py", "1"), True)
    equal(client.incr("py"), 2)
    equal(client.pipeline(transaction=False).get("py").incr("py").get("py").execute(), [b"2", 3, b"3"])
    equal(client.pipeline().set("py", "5").get("py").execute(), [True, b"5"])
    results = client.pipeline().lpush("py", "x").get("py").execute(raise_on_error=False)
    assert isinstance(results[0], redis.ResponseError)
    equal(results[1], b"5")


def transactions(client):
    def double(pipe):
        value = int(pipe.get("py"))
        pipe.multi()
        pipe.set("py", value * 2)

    equal(client.transaction(double, "py"), [True])
    with client.pipeline() as pipe:
        pipe.watch("py")
        client.incr("py")
        pipe.multi()
        pipe.set("py", "lost")
        try:
            pipe.execute()
            raise AssertionError("the watched key was changed")
        except redis.WatchError:
            pass
    equal(client.get("py"), b"11")


def scripts(client):
    add = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
    equal(add(keys=["py"], args=[4]), 15)
    client.script_flush()
    equal(add(keys=["py"], args=[5]), 20)
    body = "redis.register_function('pyget', function(keys) return redis.call('get', keys[1]) end)"
    client.function_load("#!lua name=pylib\n" + body, replace=True)
    equal(client.fcall("pyget", 1, "py"), b"20")
    with client.lock("py:lock", timeout=10):
        assert not client.lock("py:lock", timeout=10).acquire(blocking=False)
    assert client.lock("py:lock", timeout=10).acquire(blocking=False)


def waiting(client):
    equal(client.blpop("py:none", timeout=0.1), None)
    thread = threading.Timer(0.1, lambda: client.rpush("py:queue", "late"))
    thread.start()
    equal(client.blpop("py:queue", timeout=10), (b"py:queue", b"late"))
    thread.join()
    client.xadd("py:stream", {"f": "v"}, id="1-1")
    equal(client.xread({"py:stream": "0"}, block=100), [[b"py:stream", [(b"1-1", {b"f": b"v"})]]])
    equal(client.xread({"py:stream": "1-1"}, block=50), [])


def messages(client):
    pubsub = client.pubsub()
    pubsub.subscribe("py:news")
    pubsub.psubscribe("py:n*")
    for kind in (b"subscribe", b"psubscribe"):
        equal(pubsub.get_message(timeout=10)["type"], kind.decode())
    equal(client.publish("py:news", "hi"), 2)
    kinds = sorted(pubsub.get_message(timeout=10)["type"] for _ in range(2))
    equal(kinds, ["message", "pmessage"])
    pubsub.unsubscribe()
    pubsub.punsubscribe()
    for _ in range(2):
        pubsub.get_message(timeout=10)
    equal(pubsub.get_message(timeout=0.05), None)
    pubsub.close()


def scans(client):
    pipe = client.pipeline(transaction=False)
    for number in range(500):
        pipe.set(f"py:scan:{number}", "v")
    pipe.execute()
    equal(len(set(client.scan_iter("py:scan:*", count=20))), 500)
    client.hset("py:hash", mapping={f"field{number}": "v" * 100 for number in range(300)})
    equal(len(dict(client.hscan_iter("py:hash", count=20))), 300)


def threads(pool):
    failures = []

    def work(who):
        try:
            client = redis.Redis(connection_pool=pool)
            for round in range(50):
                equal(client.echo(f"{who} {round}"), f"{who} {round}".encode())
                client.incr("py:threads")
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    equal(failures, [])
    equal(redis.Redis(connection_pool=pool).get("py:threads"), b"400")


options = {"db": 3, "client_name": "python", "health_check_interval": 1}
pool = redis.BlockingConnectionPool(port=PORT, max_connections=4, **options)
client = redis.Redis(connection_pool=pool)
for act in (strings, transactions, scripts, waiting, messages, scans):
    act(client)
threads(pool)
with redis.Redis(port=PORT, single_connection_client=True, decode_responses=True) as single:
    equal(single.client_setname("single"), True)
    equal(single.client_getname(), "single")
    equal(single.get("py"), None)
pool.disconnect()
print("done")
