package main

import "github.com/latchkey-gateway/latchkey/test/tryout"

// allApps are the columns of the table.
func allApps() []app {
	return []app{&radicale{}, &dokuWiki{}, &prometheus{}, &jupyter{}, &nodeRED{}, &miniflux{}, &gitea{}, &gitHTTP{}, &webDAV{}, &php{}}
}

func main() {
	var programs []tryout.Program
	for _, a := range allApps() {
		programs = append(programs, tryout.Program{
			Name: a.name(), Version: a.version, Install: a.install,
			Try: func(s tryout.Settings) tryout.Result { return try(a, s) },
		})
	}
	tryout.Main("apps", programs, names())
}
