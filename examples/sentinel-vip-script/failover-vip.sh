#!/bin/bash
# client-reconfig-script of Sentinel: the floating address goes where the primary is. The same file on every host.
#
#   failover-vip.sh MASTER-NAME ROLE STATE FROM-IP FROM-PORT TO-IP TO-PORT
#
# Called on every host: ROLE is leader on the one that leads the failover, observer on the others; STATE is always start.
# Exit codes are Sentinel's: 0 done; 1 try again (after 30 s, 60 s and so on, ten times in all); 2 do not try again.

name=mymaster
address=10.0.0.100
interface=eth0
log=/var/log/redis-failover-vip.log

set -o pipefail
exec >>"$log" 2>&1
echo "$(date) $*"

if [ $# -ne 7 ]; then
  echo "expected 7 arguments, got $#"
  exit 2
fi
[ "$1" = "$name" ] || exit 0
new_primary=$6

here=$(ip -o address show to "$new_primary") || exit 1
# At any prefix length: whoever gave it to this host may have chosen another.
held=$(ip -o address show dev "$interface" to "$address/32" | awk '{ print $4 }') || exit 1

if [ -n "$here" ]; then
  echo "$new_primary is this host: taking $address"
  [ -n "$held" ] || ip address add "$address/32" dev "$interface" || exit 1
  # Neighbours learn of it at once, and not when what they remember has aged.
  arping -q -A -c 3 -I "$interface" "$address" || exit 1
elif [ -n "$held" ]; then
  echo "$new_primary is another host: dropping $held"
  ip address del "$held" dev "$interface" || exit 1
fi
exit 0
