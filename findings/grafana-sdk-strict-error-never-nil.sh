#!/usr/bin/env bash
# Grafana Foundation SDK for Go 0.0.22: UnmarshalJSONStrict of a type returns its list of errors as an error, so the error is never
# nil: `err != nil` is true for a dashboard without a fault, with an empty text. Seen: "error: true, text: \"\"". Fails if that changes.
# Needs: go.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module findings\n\ngo 1.26\n\nrequire github.com/grafana/grafana-foundation-sdk/go v0.0.22\n' >go.mod
cat >main.go <<'G'
package main

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	made, err := dashboard.NewDashboardBuilder("trial").Build()
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(made)
	if err != nil {
		panic(err)
	}
	var read dashboard.Dashboard
	err = read.UnmarshalJSONStrict(text)
	if err == nil {
		fmt.Println("error: false")
		return
	}
	fmt.Printf("error: true, text: %q\n", err.Error())
}
G
GOFLAGS=-mod=mod go run . >out.txt
cat out.txt
grep -qx 'error: true, text: ""' out.txt
