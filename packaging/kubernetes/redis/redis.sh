#!/bin/sh
# Starts Redis: as a replica of the master that the sentinels know, or as the master if they know none and this is the first.
set -eu
umask 077

me=$(hostname).redis
password=$(cat "${SECRETS:-/run/secrets/redis}/password")
master=
for n in 0 1 2; do
	master=$(timeout 3 redis-cli -h "redis-$n.redis" -p 26379 --raw SENTINEL get-master-addr-by-name latchkey 2>/dev/null | head -n 1) || true
	case $master in
	redis-?.redis) break ;;
	*) master= ;;
	esac
done
: "${master:=redis-0.redis}"

conf=${RUN:-/run/redis}/redis.conf
cat >"$conf" <<END
dir ${DATA:-/data}
appendonly yes
maxmemory-policy noeviction
requirepass $password
masterauth $password
replica-announce-ip $me
END
if [ "$master" != "$me" ]; then
	echo "replicaof $master 6379" >>"$conf"
fi
exec redis-server "$conf"
