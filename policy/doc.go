// Package policy answers one question: given who somebody is, how and when they signed in, where they are and what
// they ask for, may this request pass, must they sign in, must they prove more, or is it refused?
//
// [Compile] turns a [Config] into a [Set] once, when the configuration is loaded. [Set.Evaluate] is a pure function
// of the set and a [Request] and returns a [Decision]; [Set.Explain] is the same function with a recorder, which
// tells for every policy whether it applied and, if not, what kept it from applying. There is no clock, no network
// and no HTTP here, so every rule can be tested with a table.
//
// # How policies combine
//
// A policy applies if its include part matches, its exclude part does not, and all of its conditions hold. Inside the
// include part the subjects (all, guests, groups, users, providers) are alternatives, and so are the apps and the
// networks; the three kinds are joined by "and", and a kind that is not mentioned matches anything. In the exclude
// part a single match is enough. Policies have no order and no priority: every policy that applies must be satisfied,
// block beats everything else, and a site's deny list beats its allow list. Where session controls meet, never beats
// always, the shortest sign-in frequency and the smallest idle limit win, and all contributors are named.
//
// # Unknown is never "no"
//
// Groups that the provider did not tell and an address that is not known leave open whether a policy applies. Then it
// does, an exclusion does not, an allow list does not admit, and what a policy would loosen (persistent_browser
// always) stays as it is. Whatever cannot be evaluated at all is a refusal, never a rule that is skipped.
//
// # What it never does
//
// It does not verify any claim, does not find out an address, platform or route, and does not remember anything. It
// compares names byte for byte: no trimming, no case folding, no placeholders. It holds no limit itself: idle limit
// and persistence come back in the decision, and the session is held against them by its owner.
package policy
