// Package signin measures what a whole sign-in costs, prompt included: users really sign in at the provider of the rig. The
// cases take turns.
package signin
