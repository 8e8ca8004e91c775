#!/bin/bash
# vrrp_script: fails unless Redis on this host answers PONG.
#
#   redis_check.sh [PORT]
#
# redis-cli exits 0 on LOADING and NOAUTH too, so the text decides.

answer=$(redis-cli -h 127.0.0.1 -p "${1:-6379}" PING 2>&1)
[ "$answer" = PONG ]
