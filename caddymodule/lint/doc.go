// Package lint finds configuration that is legal and very likely a mistake: policies that do not match the path or
// address for which they were written, names of apps that do not exist, an order of routes in which the directive does
// not guard.
//
// It reads routes, provisioned or not, and changes none. It returns findings; package app logs them and package command
// shows them.
//
// The files:
//
//   - order.go: is the directive in front of what it protects; rewrite.go: do rules see the path that the app sees;
//     routes.go follows the routes of a server for both; address.go, reach.go and words.go read routes;
//   - binding.go: settings, policies and sites for which no session can be bound to its device;
//   - forward.go: apps on other machines that get a secret without TLS;
//   - programs.go: policies that no program with a token can satisfy; tokens.go: what else keeps tokens out;
//   - apps.go, overdue.go and prompt.go: names of apps, policies that are report_only for too long, providers.
package lint
