// Package retry is about doing a thing again: how long to wait before, what is held off until when, and how often to say
// the same.
//
// It decides times alone. What is tried, and whether its failure matters, is for its callers.
package retry
