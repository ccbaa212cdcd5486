// Package app manages the life of a configuration: the app `latchkey`, the handler `http.handlers.latchkey`, what is
// shared over reloads, status, metrics of the current state, and events.
//
// It opens the store and the keys, creates the sign-in service and gives both to the sites. Package site handles
// requests; package config defines the configuration.
package app
