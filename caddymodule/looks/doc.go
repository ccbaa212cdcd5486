// Package looks determines what the matchers of a site's rules read in a request. It refuses a request in which one of
// these things has two readings: a query that cannot be parsed, a header in two lines, a host with a trailing dot.
// Caddy's matchers answer "no" to such a request instead of failing, and "no" disables a rule (field trial 2.3).
//
// It refuses nothing that no rule reads, and makes no decision about users. docs/requests.md has a table of all
// matchers, with their answers and what is done about them. TestMatchersDoNotSaySoftlyNo in package site follows the
// table.
package looks
