// Package app is the life of a configuration: the app `latchkey`, the handler `http.handlers.latchkey`, what is shared over
// reloads, status, metrics of state and events.
//
// It opens the store and the keys, makes the sign-in service and gives both to the sites. The way of a request is in package
// site, what the configuration means in package config.
package app
