// Package browser is what a browser says and what it is told: the names and attributes of our cookies, what kind of
// request it sends and from which page, where a sign-in may safely return to, and the tokens of forms.
//
// It is the only place that validates a return target, and the only writer of a Location header and of our cookies. It
// knows net/http. What a cookie's value means, and who is signed in, is for its callers.
package browser
