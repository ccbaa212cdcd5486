// Package caddyfile reads the words of the global option and of the directive `latchkey` into package config, a file a block.
//
// What is wrong is an error with file and line, and with a suggestion where a word is unknown. It decides nothing that JSON
// does not: the checks are those of package config.
package caddyfile
