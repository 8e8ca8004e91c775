"""Counts on a primary found through Sentinel, with redis-py as it ships; prints each number that was accepted."""

import sys
import time

from redis.exceptions import RedisError
from redis.sentinel import Sentinel

group, *sentinels = sys.argv[1:]
sentinel = Sentinel([("127.0.0.1", int(port)) for port in sentinels], socket_timeout=0.5)
primary = sentinel.master_for(group, socket_timeout=0.5)
number = 0
while True:
    number += 1
    try:
        primary.set("redis-py", number)
        print(number, flush=True)
    except RedisError as error:
        print(type(error).__name__, file=sys.stderr, flush=True)
    time.sleep(0.02)
