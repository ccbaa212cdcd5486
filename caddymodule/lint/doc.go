// Package lint finds configuration that is legal and very likely a mistake: policies that do not match the path or
// address for which they were written, names of apps that do not exist, an order of routes in which the directive does
// not guard.
//
// It reads routes, provisioned or not, and changes none. It returns findings; package app logs them and package command
// shows them.
package lint
