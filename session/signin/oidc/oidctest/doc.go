// Package oidctest has an OpenID provider for tests, which answers whatever a test wants it to and counts who asks.
//
// It checks nothing of a request. Real providers are in package test.
package oidctest
