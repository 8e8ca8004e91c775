#!/bin/bash
# notify_master: this host has the address now.
#
#   redis_master.sh PEER [PORT]
#
# The peer may have newer data: follow it for a while, then be the master.

peer=$1
port=${2:-6379}
log=/var/log/keepalived-redis-state.log

{
  echo "[master] $(date)"
  echo "SLAVEOF $peer $port, to get what it has"
  redis-cli -h 127.0.0.1 -p "$port" SLAVEOF "$peer" "$port"
  sleep 10
  echo "SLAVEOF NO ONE"
  redis-cli -h 127.0.0.1 -p "$port" SLAVEOF NO ONE
} >>"$log" 2>&1
