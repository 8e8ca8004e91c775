#!/bin/bash
# notify_stop: the daemon leaves in good order. Redis stays as it is.

echo "[stop] $(date)" >>/var/log/keepalived-redis-state.log
