"""redis-py as it ships, in threads that count up and read; told and answering as the other clients of the bench."""

import json
import sys
import threading
import time

import redis

acknowledged, errors = {}, {}
stale = unknown = 0
lock = threading.Lock()
stopping = threading.Event()
threads = []


def count(target, key):
    global stale, unknown
    client = redis.Redis(host=target["host"], port=target["port"])
    while not stopping.is_set():
        written = False
        try:
            client.incr(key)
            written = True
            with lock:
                acknowledged[key] = acknowledged.get(key, 0) + 1
            if int(client.get(key) or 0) != acknowledged[key]:
                with lock:
                    stale += 1
        except redis.RedisError as error:
            with lock:
                errors[str(error)] = errors.get(str(error), 0) + 1
                # What a server answered with an error was not done.
                unknown += not written and not isinstance(error, redis.ResponseError)
            time.sleep(0.01)


for line in sys.stdin:
    verb, _, argument = line.partition(" ")
    answer = None
    if verb == "open":
        opening = json.loads(argument)
        for index in range(opening["connections"]):
            words = (opening["target"], f"{opening['prefix']}:{index}")
            threads.append(threading.Thread(target=count, args=words, daemon=True))
            threads[-1].start()
    else:
        stopping.set()
        for thread in threads:
            thread.join()
        answer = {"acknowledged": acknowledged, "errors": errors, "unknown": unknown, "stale": stale}
    print(json.dumps(answer), flush=True)
