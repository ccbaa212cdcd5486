// Package agentname names browsers and devices for people, by what a User-Agent says: on the page with a user's own
// sessions and in the sign-in log. It also takes a User-Agent apart for package caddymodule/useragent.
//
// Anyone can write any User-Agent. No decision depends on these names; the platform and the kind of client that policies
// look at are found in caddymodule/useragent.
package agentname
