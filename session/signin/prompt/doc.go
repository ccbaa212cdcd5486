// Package prompt decides whether "Stay signed in?" is asked at a sign-in, and how long the session lasts if it is not asked.
//
// It is pure: the caller finds out the facts, shows the prompt and acts on the answer.
package prompt
