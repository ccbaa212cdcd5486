// Package events measures what an event of a provider costs that ends sessions, and how soon another replica acts on it.
package events
