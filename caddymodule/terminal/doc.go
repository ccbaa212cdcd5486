// Package terminal writes for people who read in a terminal: tables, and text that cannot control the terminal.
//
// It never decides what is shown.
package terminal
