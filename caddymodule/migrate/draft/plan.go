package draft

import (
	"fmt"
	"slices"
)

// IssuerVariable is the environment variable of an issuer that the configuration does not say.
const IssuerVariable = "OIDC_ISSUER"

// Plan is what a configuration becomes.
type Plan struct {
	// From is the program that the configuration is for.
	From string
	// Options are global options of Caddy.
	Options []Line
	// Servers are the lines of the global option `servers`.
	Servers []Line
	// Providers, Store, Session, Prompt, SignInHost and Policies are lines of the global option `latchkey`.
	Providers, Store, Session, Prompt, SignInHost, Policies []Line
	// Sites are the sites, at least one.
	Sites []*Site
	// Notes are what the operator has to know.
	Notes []Note
	// Variables are the environment variables that the Caddyfile takes values from.
	Variables []string
	// Inserted are the environment variables that Caddy puts into the text of the Caddyfile when it reads it: {$NAME}.
	Inserted []string
}

// Site is a site and the app behind it.
type Site struct {
	// Addresses are the addresses of the site.
	Addresses []string
	// Open are the requests that need no sign-in.
	Open []Line
	// TLS and Rules are lines in front of `latchkey` and in its block.
	TLS, Rules []Line
	// App is what answers.
	App []Line
	// Guard is the name of the matcher for the requests that need a sign-in. Without one it is guarded.
	Guard string
	// Unguarded says that no request of the site needs a sign-in.
	Unguarded bool
	// Comment stands above the site.
	Comment string
}

// Line is a line of the Caddyfile.
type Line struct {
	// Words are our words, and may be placeholders.
	Words string
	// Given are values of the configuration. Each becomes one word of the Caddyfile, or the Caddyfile is refused.
	Given []string
	// Joined are our words at the end of the last value, without a space.
	Joined string
	// After are our words behind the values.
	After string
	// Pattern says that Given are regular expressions.
	Pattern bool
	// Verbatim says that Given are words of a Caddyfile, and may have placeholders.
	Verbatim bool
	// Block is the block after the words.
	Block []Line
	// Comment stands above the line.
	Comment string
	// From is where the values come from.
	From Origin
}

// Origin is a key of the configuration and its line, 0 if it is not known. File is set for a key of another file than that of
// the configuration.
type Origin struct {
	Key  string
	Line int
	File string
}

// At returns the origin of a key.
func At(key string, line int) Origin { return Origin{Key: key, Line: line} }

// Errorf returns an error that names the key and the line.
func (o Origin) Errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if o.Key != "" {
		err = fmt.Errorf("%s: %w", Printable(o.Key), err)
	}
	if o.Line > 0 {
		err = fmt.Errorf("line %d: %w", o.Line, err)
	}
	if o.File != "" {
		err = fmt.Errorf("%s: %w", Printable(o.File), err)
	}
	return err
}

// Words returns a line with values of a key.
func (o Origin) Words(words string, given ...string) Line {
	return Line{Words: words, Given: given, From: o}
}

// Words returns a line without values of the configuration.
func Words(text string, block ...Line) Line { return Line{Words: text, Block: block} }

// Variable returns the placeholder of an environment variable that the server needs.
func (p *Plan) Variable(name string) string {
	if !slices.Contains(p.Variables, name) {
		p.Variables = append(p.Variables, name)
	}
	return "{env." + name + "}"
}

// Secret returns the placeholder for a secret of the configuration, and tells the operator to put it there.
func (p *Plan) Secret(o Origin, name string) string {
	p.Note(Todo, o, "put this secret into the environment variable %s of the server; it is not in the Caddyfile", name)
	return p.Variable(name)
}

// Options are what a configuration does not say and an operator does.
type Options struct {
	// Site is the address of the site if the configuration names none.
	Site string
	// Second is a second file of the same configuration, if the program has one: oauth2-proxy's structured configuration.
	Second []byte
	// Import reads the files that a pattern names, relative to the file in which the pattern stands; from is empty for the
	// configuration itself. Without it no other file is read.
	Import func(from, pattern string) ([]File, error)
}

// File is a file that a configuration imports.
type File struct {
	Name   string
	Source []byte
}
