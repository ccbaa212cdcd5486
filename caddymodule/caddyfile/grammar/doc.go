// Package grammar reads the blocks of a Caddyfile by tables of words: an unknown word is an error with a suggestion, always,
// and so is a word that stands twice where it may stand once.
//
// It knows no word of Latchkey. Packages that add words of their own, such as the stores, use it as package caddyfile does.
package grammar
