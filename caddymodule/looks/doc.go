// Package looks tells what the matchers of a site's rules look at in a request, and refuses a request in which just that
// can be read in two ways: a query that cannot be parsed, a header in two lines, a host with a trailing dot. A matcher of
// Caddy's answers "no" to such a request, where it should fail, and "no" switches a rule off (field trial 2.3).
//
// It refuses nothing that no rule looks at, and it decides nothing about people. docs/requests.md has the table of all
// matchers, with what each answers and what is done about it; TestMatchersDoNotSaySoftlyNo in caddymodule follows it.
package looks
