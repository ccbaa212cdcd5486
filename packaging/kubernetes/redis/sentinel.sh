#!/bin/sh
# Starts a sentinel, which learns of the others from the master.
set -eu
umask 077

me=$(hostname).redis
password=$(cat "${SECRETS:-/run/secrets/redis}/password")
master=
for n in 0 1 2; do
	if [ "redis-$n.redis" = "$me" ]; then continue; fi
	master=$(timeout 3 redis-cli -h "redis-$n.redis" -p 26379 --raw SENTINEL get-master-addr-by-name latchkey 2>/dev/null | head -n 1) || true
	case $master in
	redis-?.redis) break ;;
	*) master= ;;
	esac
done
: "${master:=redis-0.redis}"

conf=${RUN:-/run/redis}/sentinel.conf
cat >"$conf" <<END
port 26379
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $me
sentinel monitor latchkey $master 6379 2
sentinel auth-pass latchkey $password
sentinel down-after-milliseconds latchkey 2000
sentinel failover-timeout latchkey 15000
END
exec redis-server "$conf" --sentinel
