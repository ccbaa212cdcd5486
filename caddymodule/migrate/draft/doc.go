// Package draft is the Caddyfile that the configuration of another program becomes, and the notes about it.
//
// It decides how a value stands in a Caddyfile and which values cannot, how secrets become placeholders, and that a key that is
// not read becomes a note. It does not know the keys of any program.
//
// The files:
//
//   - plan.go is what a configuration becomes; note.go is what an operator is told about it;
//   - text.go writes the Caddyfile, people.go who may enter, routes.go what stays open, lifetimes.go how long sessions live;
//   - entries.go reads the keys of a configuration and remembers which have been read; yaml.go finds them in YAML;
//   - usual.go is what is said about settings that most programs have.
package draft
