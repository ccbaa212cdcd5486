// Package scale has the runs that a usual benchmark does not reach: a million sessions, many streams, many sites, many
// sign-ins at once. Each is a command of its own:
//
//	go run ./bench -scale redis
//	go run ./bench -scale sites
//	go run ./bench -scale streams
//
// scale.go knows the runs by name. The runs themselves are packages below.
package scale
