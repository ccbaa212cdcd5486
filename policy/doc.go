// Package policy decides on a request: given the user, how and when they signed in, where the request comes from and
// what it asks for, it passes, the user must sign in, the user must prove more, or it is refused.
//
// [Compile] turns a [Config] into a [Set] once, when the configuration is loaded. Where each site has a Set of its own, all
// of them share the [Base] with the policies for every site. [Set.Evaluate] is a pure function of
// the set and a [Request] and returns a [Decision]. [Set.Explain] is the same function with a recorder: it reports for
// every policy whether it applied and, if not, why. The package has no clock, no network and no HTTP, so every rule can
// be tested with a table.
//
// # How policies combine
//
// A policy applies if its include part matches, its exclude part does not, and all of its conditions hold. Within the
// include part the subjects (all, guests, groups, users, providers) are alternatives, and so are the apps and the
// networks. The three kinds are joined by "and"; a kind that is not set matches anything. In the exclude part a single
// match is enough. Policies have no order and no priority. Every policy that applies must be satisfied, block overrides
// everything else, and a site's deny list overrides its allow list. When several session controls apply, never
// overrides always, the shortest sign-in frequency and the smallest idle limit win, and all policies that set them are
// named.
//
// # Unknown is never "no"
//
// If the provider did not send all groups, or the client's address is unknown, it is open whether a policy applies.
// Then the policy applies, an exclusion does not apply, an allow list does not admit, and a control that would loosen
// something (persistent_browser always) has no effect. If a rule cannot be evaluated, the request is refused; a rule is
// never skipped.
//
// # A binding comes after the sign-in
//
// A browser binds a session to a key of the device after the session exists. At the end of a sign-in it is therefore open
// whether the session will be bound: conditions on it do not hold, and a bound session is not demanded. The first request
// decides.
//
// # What it never does
//
// It does not verify claims, does not determine an address, platform or route, and keeps no state. It compares names
// byte for byte: no trimming, no case folding, no placeholders. It does not enforce limits itself: it returns idle
// limit and persistence in the decision, and the caller applies them to the session.
//
// A new condition begins in config.go and conditions.go. Its word is in package caddyfile, its JSON in package config,
// and package site describes the request for it.
//
// The files:
//
//   - config.go is what a policy says, words.go its words, check.go what is wrong with it;
//   - compile.go makes a Set from a Base, which many share; rules.go finds policies, with bitset.go; people.go and
//     networks.go resolve names and addresses, fold.go compares names;
//   - request.go and subject.go describe a request and its user;
//   - evaluate.go applies each policy, conditions.go checks its conditions, grant.go says whether a requirement is met,
//     conclude.go makes one decision of all, decision.go and outcome.go are the results, explain.go tells how they came
//     about;
//   - lint.go, lint_binding.go, lint_providers.go and lint_shadow.go find what is legal and very likely a mistake.
package policy
