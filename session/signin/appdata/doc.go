// Package appdata deletes what an app has stored in a browser for one user, so that the next user of the browser does
// not see it: cookies of the app, and the cache and the storage of its origin.
//
// It decides how they are deleted and which cookies are not passed to the app. Its caller, which knows who is signed
// in, decides when. It knows net/http, but neither sessions nor Caddy.
package appdata
