// Package pagestest holds what tests of pages share: a sample of every page, and a right-to-left language with all
// plural categories. Nothing here is used by the gateway itself.
package pagestest
