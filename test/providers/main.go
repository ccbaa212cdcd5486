package main

import "github.com/latchkey-gateway/latchkey/test/tryout"

func main() {
	var programs []tryout.Program
	for _, p := range providers() {
		programs = append(programs, tryout.Program{
			Name: p.name(), Version: p.version, Install: p.install,
			Try: func(s tryout.Settings) tryout.Result { return try(p, s) },
		})
	}
	tryout.Main("providers", programs, names())
}
