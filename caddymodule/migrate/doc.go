// Package migrate makes a Caddyfile from the configuration of another program that signs users in: of oauth2-proxy, Authelia or
// Vouch Proxy.
//
// It decides what each key of such a configuration becomes. A key becomes a word of the Caddyfile, or a note says what takes
// its place, what behaves otherwise, or that it is unknown. A restriction without an equivalent closes the site; it is never
// left out. The package never prints a secret: the Caddyfile has a placeholder for it, and a note says which value goes there.
// It asks no provider, reads no other file, and writes none.
//
// The files:
//
//   - migrate.go lists the programs;
//   - plan.go is what a configuration becomes; note.go is what an operator is told about it;
//   - text.go writes the Caddyfile, people.go who may enter, routes.go what stays open, lifetimes.go how long sessions live;
//   - entries.go reads the keys of a configuration and remembers which have been read;
//   - oauth2proxy.go reads oauth2-proxy's TOML, with the parts oauth2proxy_provider.go, oauth2proxy_people.go (and open paths),
//     oauth2proxy_app.go and oauth2proxy_session.go; oauth2proxy_keys.go has the keys that only need a note;
//   - yaml.go reads YAML; authelia.go reads Authelia's, authelia_rules.go its access_control;
//   - vouch.go reads Vouch Proxy's YAML.
package migrate
