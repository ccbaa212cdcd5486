// Package grammar reads the blocks of a Caddyfile by tables of words. An unknown word is always an error with a
// suggestion. So is a repeated word that is allowed only once.
//
// It knows no word of Latchkey. Packages that add their own words, such as the stores, use it as package caddyfile
// does.
package grammar
