package firstfile

import _ "embed"

// Packaged is the Caddyfile that the packages install. It protects nothing: it says how to get a first one.
//
//go:embed packaged.caddyfile
var Packaged string
