// Package command holds the commands that Latchkey adds to Caddy's: explain, doctor, sessions, keys and sign-ins.
//
// They ask the admin API of a server that runs, or look at a configuration that does not. They change nothing without
// being told to, and print nothing that opens a session.
package command
