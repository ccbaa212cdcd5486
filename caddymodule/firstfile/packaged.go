package firstfile

import (
	_ "embed"
	"os"
)

// The service of the packages, and the file that has its environment.
const (
	PackagedService     = "latchkey"
	PackagedEnvironment = "/etc/latchkey/environment"
)

// Packaged is the Caddyfile that the packages install. It protects nothing: it says how to get a first one.
//
//go:embed packaged.caddyfile
var Packaged string

// IsPackaged reports whether a path has the Caddyfile of a package.
func IsPackaged(path string) bool {
	have, err := os.ReadFile(path)
	return err == nil && string(have) == Packaged
}
