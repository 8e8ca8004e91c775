#!/bin/bash
# notify_fault: Redis does not answer, or the network is down. Nothing to do but to say so.

echo "[fault] $(date)" >>/var/log/keepalived-redis-state.log
