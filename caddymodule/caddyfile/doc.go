// Package caddyfile reads the words of the global option and of the directive `latchkey` into the types of package
// config. Each block has its own file.
//
// Errors have file and line, and suggest a similar word for an unknown one. The package checks nothing that JSON
// configuration does not check too: the checks are in package config.
package caddyfile
