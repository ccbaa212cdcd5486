// Package apps has programs that other people have written, for the tests of clients without a browser: servers that stand
// behind the gateway (git's HTTP backend, Apache with mod_dav, Radicale, a container registry) and a home for the programs that ask them.
//
// The servers believe the gateway's headers and ask for no password, as they do where they are installed so. Each listens on a
// loopback port, keeps its files in a folder of the test and ends with it. A program that is missing is a failure that names
// the remedy.
//
//   - home.go: runs a client program with a home folder, configuration and environment of its own
//   - git.go, webdav.go, caldav.go, registry.go: the servers
package apps
