// Package firstfile makes the first Caddyfile of an installation: from answers that an operator gives as flags or to
// questions.
//
// It decides what is written and what an answer may be. It never replaces a file that an operator has written, never
// writes a secret into one, and asks no provider: the caller checks the text before it is written.
//
// The files:
//
//   - answers.go is what has to be known, and what an answer may be; address.go checks the addresses among them;
//   - questions.go asks for what is missing;
//   - text.go is the Caddyfile, word.go how a text becomes a word of one;
//   - write.go writes it, packaged.go knows the file that a package brings.
package firstfile
