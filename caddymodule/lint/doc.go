// Package lint finds what is legal in a configuration and very likely a mistake: policies that miss the path or the address
// that they were written for, names of apps that there are not, an order of routes in which the directive does not guard.
//
// It reads routes, before they are provisioned or after, and changes none. It returns findings; package app writes them to the
// log and package command shows them.
package lint
