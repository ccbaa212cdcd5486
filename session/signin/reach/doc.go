// Package reach decides how requests reach a provider: which addresses are allowed, which redirects the gateway
// follows, and at which internal address it reaches a provider that browsers reach at another one.
//
// It only decides on addresses. Its callers decide on the content of requests and on the trust in answers.
package reach
