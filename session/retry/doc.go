// Package retry decides how long to wait before a retry, and how often a message is repeated.
//
// It only decides times. Its callers decide what is tried, and whether a failure matters.
package retry
