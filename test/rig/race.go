package rig

import (
	"regexp"
	"strings"
)

// access is one of the two accesses that race: the function that made it is in the next line.
var access = regexp.MustCompile(`(?m)^(?:Write|Read|Previous write|Previous read|Atomic \w+|Previous atomic \w+) at .*\n\s+(\S+)`)

// races returns the data races that the race detector wrote into a log, without those between two lines of Caddy's own
// code: its reverse proxy has one when it is replaced while an answer begins.
func races(log string) []string {
	var found []string
	for _, block := range strings.Split(log, "WARNING: DATA RACE")[1:] {
		block, _, _ = strings.Cut(block, "==================")
		accesses := access.FindAllStringSubmatch(block, -1)
		foreign := len(accesses) == 2
		for _, a := range accesses {
			foreign = foreign && strings.HasPrefix(a[1], "github.com/caddyserver/caddy/v2/")
		}
		if !foreign {
			found = append(found, block)
		}
	}
	return found
}
