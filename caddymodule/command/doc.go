// Package command holds the commands that Latchkey adds to Caddy's: explain, doctor, sessions, keys and sign-ins.
//
// They ask the admin API of a running server, or read a configuration that is not running. They change something only
// on an explicit command, and print no secret that opens a session.
package command
