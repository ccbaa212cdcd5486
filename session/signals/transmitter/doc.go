// Package transmitter asks a transmitter of events for what it publishes about itself (Shared Signals Framework 1.0,
// section 7), manages streams there (section 8.1), and bounds what the answers can cost.
//
// It verifies no event and acts on none.
package transmitter
