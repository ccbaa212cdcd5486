#!/usr/bin/env bash
# Caddy 2.11.9: an answer that a handler gives without reading the body (here 401) is not sent to a client that asked first
# (Expect: 100-continue) until that client stops waiting and sends 256 KB of its body. net/http sends such an answer at once, but
# does not recognise the request's body, which Caddy wraps to count bytes, and reads from it first. With curl: a second for each
# refused upload, and some megabytes sent for nothing. Seen: "net/http: 401 after 0 s, 0 bytes sent; Caddy: 401 after 4 s, more
# sent". Fails if that changes. Needs: go, curl.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'M'
module findings

go 1.26

require github.com/caddyserver/caddy/v2 v2.11.9
M
cat >main.go <<'G'
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	addr := free.Addr().String()
	free.Close()
	if err := caddy.Load([]byte(`{"admin":{"disabled":true},"logging":{"logs":{"default":{"level":"ERROR"}}},"apps":{"http":{"servers":{"s":{"listen":["`+addr+`"],
		"automatic_https":{"disable":true},"routes":[{"handle":[{"handler":"static_response","status_code":401}]}]}}}}}`), true); err != nil {
		panic(err)
	}
	fmt.Println(l.Addr(), addr)
	os.Stdin.Read(make([]byte, 1))
}
G
GOFLAGS=-mod=mod go build -trimpath -o server .
export XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir
mkfifo end
./server <end >addresses &
pid=$!
exec 3>end
for _ in $(seq 150); do [ -s addresses ] && break; sleep .2; done
read -r plain caddy <addresses
head -c 20000000 /dev/zero >body
ask() { curl -sS -o answer -w '%{http_code} %{time_total} %{size_upload}' -H 'Expect: 100-continue' --expect100-timeout 4 -T body "http://$1/"; }
read -r status took sent < <(ask "$plain"; echo)
read -r status2 took2 sent2 < <(ask "$caddy"; echo)
more=$([ "$sent2" -gt 0 ] && echo more || echo 0 bytes)
echo "net/http: $status after ${took%%.*} s, $sent bytes sent; Caddy: $status2 after ${took2%%.*} s, $more sent"
[ "$status ${took%%.*} $sent" = '401 0 0' ] && [ "$status2 ${took2%%.*} $more" = '401 4 more' ]
