// Package commands finds what the documents tell a reader to type: the code blocks of a shell, the commands in them, and whether a
// test runs a block. blocks.go reads documents, shell.go splits a script into commands.
//
// A block begins with sh behind the fence, and TestCommandsOfTheDocuments of package test runs it as it stands. Or it begins with
// sh not-run=<reason>, with a word of Reasons. The tests of this package check each command in both of them against the real
// commands, flags, targets of the Makefile and folders.
package commands
