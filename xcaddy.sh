#!/bin/sh
# Builds the gateway: Caddy with Latchkey, and with whatever other plugins you name.
#
#   ./xcaddy.sh [--output FILE] [--with PLUGIN[@VERSION][=DIR]]... [--replace MODULE[@VERSION]=TARGET]...
#
# Uses xcaddy where it is installed. Without it the result is the same, only Go is needed: ./cmd/latchkey is what xcaddy
# would generate, pinned by go.sum; plugins are built into it by a copy of go.mod in a temporary folder.
# The Caddy version is the one in go.mod; CADDY_VERSION overrides it when xcaddy builds.
set -eu

module=github.com/latchkey-gateway/latchkey
tags=nobadger,nomysql,nopgx
ldflags='-w -s'
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
	printf 'xcaddy.sh: %s\n' "$1" >&2
	exit 1
}

command -v go >/dev/null 2>&1 || fail 'go is not installed: see https://go.dev/dl/'

if command -v xcaddy >/dev/null 2>&1; then
	CADDY_VERSION=${CADDY_VERSION:-$(go -C "$root" list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)}
	export CADDY_VERSION
	# The made-up version keeps xcaddy from looking for a released one. A later --output in "$@" wins over the default.
	exec xcaddy build --with "$module@v0.0.0=$root" --output latchkey "$@"
fi

output=latchkey
plugins=
work=
cleanup() {
	if [ -n "$work" ]; then rm -rf -- "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# scratch makes the copies of go.mod and go.sum that know the plugins. This checkout stays as it is.
scratch() {
	if [ -n "$work" ]; then return; fi
	work=$(mktemp -d)
	cp -- "$root/go.mod" "$root/go.sum" "$work/"
}

# target makes the right side of a replacement absolute if it is a folder, since the build runs elsewhere.
target() {
	case $1 in
	. | .. | ./* | ../*) (cd -- "$1" && pwd) || fail "no such folder: $1" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# split sets path, version and replacement from PATH[@VERSION][=TARGET].
split() {
	replacement='' version='' path=${1%%=*}
	case $1 in *=*) replacement=${1#*=} ;; esac
	case $path in *@*) version=${path#*@} ;; esac
	path=${path%%@*}
}

plugin() {
	scratch
	split "$1"
	[ -n "$path" ] || fail '--with needs a plugin: --with MODULE[@VERSION][=DIR]'
	if [ -n "$replacement" ]; then
		replacement=$(target "$replacement")
		go mod edit -require "$path@${version:-v0.0.0}" -replace "$path=$replacement" "$work/go.mod"
	else
		plugins="$plugins $path@${version:-latest}"
	fi
	printf 'import _ "%s"\n' "$path" >>"$work/plugins.go"
}

replace() {
	scratch
	split "$1"
	[ -n "$replacement" ] || fail '--replace needs a target: --replace MODULE[@VERSION]=TARGET'
	replacement=$(target "$replacement")
	go mod edit -replace "$path${version:+@$version}=$replacement" "$work/go.mod"
}

while [ $# -gt 0 ]; do
	case $1 in
	--with | --replace | --output)
		[ $# -ge 2 ] || fail "$1 needs a value"
		flag=$1 value=$2
		shift 2
		;;
	--with=* | --replace=* | --output=*)
		flag=${1%%=*} value=${1#*=}
		shift
		;;
	-h | --help)
		sed -n '2,8s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) fail "unknown argument $1 (without xcaddy: --with, --replace and --output)" ;;
	esac
	case $flag in
	--with) plugin "$value" ;;
	--replace) replace "$value" ;;
	--output) output=$value ;;
	esac
done

case $output in
/*) ;;
*) output=$PWD/$output ;;
esac

if [ -z "$work" ]; then
	exec go -C "$root" build -trimpath -tags "$tags" -ldflags "$ldflags" -o "$output" ./cmd/latchkey
fi

for plugin in $plugins; do
	go -C "$root" get -modfile="$work/go.mod" "$plugin"
done
# The overlay adds the file that imports the plugins to ./cmd/latchkey.
if [ -f "$work/plugins.go" ]; then
	{
		printf 'package main\n\n'
		cat -- "$work/plugins.go"
	} >"$work/plugins.tmp"
	mv -- "$work/plugins.tmp" "$work/plugins.go"
	printf '{"Replace": {"%s": "%s"}}\n' "$root/cmd/latchkey/plugins.go" "$work/plugins.go" >"$work/overlay.json"
	set -- -overlay "$work/overlay.json"
fi
go -C "$root" build -mod=mod -modfile="$work/go.mod" "$@" -trimpath -tags "$tags" -ldflags "$ldflags" -o "$output" ./cmd/latchkey
