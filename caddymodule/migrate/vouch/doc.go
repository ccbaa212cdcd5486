// Package vouch reads the configuration of Vouch Proxy for a migration. Where the apps are stands in nginx's, so the sites are a
// draft.
package vouch
