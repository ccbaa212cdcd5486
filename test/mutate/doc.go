// Command mutate breaks one guard after another in a copy of the module and runs the tests that must notice: those of the
// guard's package and, if they pass, those of the packages that import it. A guard that can be broken without a failing test
// is a rule that no test holds. It takes an hour and is no part of CI: `make mutate`.
//
// guards.go lists the guards by their text, so that they are found wherever the code moves to.
package main
