package main

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// app is a program that other people have written. Its methods fail the check by t.
type app interface {
	name() string
	version() string
	// page is the name of its page in docs/apps.
	page() string
	// install brings the program into the cache folder, unless it is there.
	install(cache string) error
	// start starts the program, and returns what takes the place of addresses and paths of the page's Caddyfile.
	start(t testing.TB, p place) (replace map[string]string)
	// path is a page of the app, which a browser can open.
	path() string
}

// What only some apps have.
type (
	// knower knows who its user is.
	knower interface {
		// header is the one that the app takes the user from, as it reaches the app.
		header() string
		// user asks the app, by a page or an API of its own, for the name of the user of a request. It is "" if the app does
		// not let the request in.
		user(t testing.TB, c *rig.HTTP, origin string, header map[string][]string) string
	}
	// speaker has a WebSocket.
	speaker interface {
		// socket returns the path of a WebSocket; hello is what is sent first, and the app answers something that has said in it.
		socket(t testing.TB, c *rig.HTTP, origin string) (path, hello, said string)
	}
	// programmed serves programs.
	programmed interface {
		// program uses the app as a program of ada does, with a token of the gateway, and returns what it is. A token that is
		// not good has to be refused, with the error that it returns.
		program(t testing.TB, origin, token string) (what string, err error)
	}
	// hidden cannot be asked past the gateway, for the reason that it returns.
	hidden interface{ hiding() string }
	// shown has a page on which a browser shows the user.
	shown interface {
		// shows is what the app's page has once it is there for this user.
		shows(user string) string
	}
)

// place is where an app runs.
type place struct {
	dir    string // for the app's files
	port   int
	addr   string // host:port of it
	origin string // the site in front of it
	page   string // the text of its page
}
