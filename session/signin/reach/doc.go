// Package reach is how the gateway's own requests get to a provider: which redirects are followed, and under which address
// a provider is reached that has another one inside than people's browsers use.
//
// It decides about addresses alone. What a request says, and whether its answer is believed, is for its callers.
package reach
