// Package reach is how requests get to a provider: which addresses are good enough, which redirects the gateway follows, and
// under which address it reaches a provider that has another one inside than the browsers of users go to.
//
// It decides about addresses alone. What a request says, and whether its answer is believed, is for its callers.
package reach
