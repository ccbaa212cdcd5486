// Package lint finds what is legal in a configuration of Caddy around the directive latchkey, and hardly meant.
//
// It reads routes, before they are provisioned or after, and changes none. It knows nothing of policies.
package lint
