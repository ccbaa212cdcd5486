// Package tryout is what a command stands on that tries the built gateway with programs that other people have written: how
// such a program gets into a cache folder and is run, how a check ends, and the table of what came out. The programs are
// pinned, come from package registries alone, and are in no go.mod of this project.
//
//   - main.go: such a command, with its flags
//   - trial.go: lets the rig, which is written for tests, run in a command
//   - debian.go, install.go: Debian packages in a folder of their own, Go commands, and other programs
//   - process.go: a program that runs
//   - outcome.go, table.go: how a check ends; the table in a document
package tryout
