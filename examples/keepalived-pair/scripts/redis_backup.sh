#!/bin/bash
# notify_backup: the other host has the address now.
#
#   redis_backup.sh PEER [PORT]
#
# The peer first gets what we have (redis_master.sh), and only then we follow it.

peer=$1
port=${2:-6379}
log=/var/log/keepalived-redis-state.log

{
  echo "[backup] $(date)"
  echo "waiting for $peer to get what we have"
  sleep 15
  echo "SLAVEOF $peer $port"
  redis-cli -h 127.0.0.1 -p "$port" SLAVEOF "$peer" "$port"
} >>"$log" 2>&1
