// Package pagestest holds what tests of pages share: a sample of every page. Nothing here is used by the gateway itself.
package pagestest
