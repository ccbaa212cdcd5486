// Package appdata deletes what an app has stored in a browser for one user, so that the next user of the browser does not
// meet it: cookies of the app, and the cache and the storage of its origin.
//
// It decides how these are deleted and what of them is not passed to the app. When that is due is decided by its caller,
// which knows who is signed in. It knows net/http and neither sessions nor Caddy.
package appdata
