package firstfile

import (
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// redisVariable is the environment variable of the password of Redis.
const redisVariable = "REDIS_PASSWORD"

// Secret is the placeholder of the client secret.
func (a *Answers) Secret() string {
	if a.SecretFile != "" {
		return "{file." + a.SecretFile + "}"
	}
	return "{env." + SecretVariable + "}"
}

// Variables are the environment variables that the server needs.
func (a *Answers) Variables() (names []string) {
	if a.SecretFile == "" {
		names = append(names, SecretVariable)
	}
	if _, name := a.store(); name != "" {
		names = append(names, redisVariable)
	}
	return names
}

// store returns the address of Redis, if there is one, without the user name in it, and the user name.
func (a *Answers) store() (address, user string) {
	if a.Store == "" || a.Store == StoreFile {
		return "", ""
	}
	u, err := url.Parse(a.Store)
	if err != nil {
		return a.Store, "" // Check refuses it
	}
	user = u.User.Username()
	u.User = nil
	return u.String(), user
}

// Text returns the Caddyfile, formatted as by `latchkey fmt`. The answers must have passed Check.
func (a *Answers) Text() string {
	var b strings.Builder
	line := func(texts ...string) { b.WriteString(strings.Join(texts, " ") + "\n") }
	line("# Made by `latchkey init`. Caddyfile.example in the project has every word that can stand here.")
	line("#")
	line("#	latchkey validate --config <this file>    checks it, opens nothing")
	line("#	latchkey doctor --config <this file>      asks the provider and the store as well")
	line("{")
	line("latchkey {")
	line("# Where people sign in.")
	line("provider {")
	line("issuer", Quote(a.Issuer))
	line("client_id", Quote(a.ClientID))
	line("# Secrets stay out of this file. This one is read again for each sign-in.")
	line("client_secret", Quote(a.Secret()))
	line("}")
	line("")
	if address, user := a.store(); address == "" {
		line("# Sessions are in one file under Caddy's data directory and survive restarts. With several gateways they have to be in")
		line("# Redis: store redis redis://host:6379/0")
	} else {
		line("# Several gateways may share this Redis.")
		if user == "" {
			line("store redis", Quote(address))
		} else {
			line("store redis", Quote(address), "{")
			line("username", Quote(user))
			line("password {env." + redisVariable + "}")
			line("}")
		}
	}
	line("")
	line("# How long users stay signed in, and what they are asked.")
	line("session {")
	line(`# "No" to "Stay signed in?": until the browser closes, and no longer than this.`)
	line("browser {")
	line("idle_limit 24h")
	line("max_lifetime 7d")
	line("}")
	line(`# "Yes".`)
	line("persistent {")
	line("idle_limit 90d")
	line("max_lifetime 180d")
	line("}")
	line("}")
	line("}")
	line("}")
	for _, s := range a.Sites {
		line("")
		line(Quote(s.Address), "{")
		if len(a.Groups) == 0 {
			line("# Every user whom the provider knows may enter. To let in members of a group only: latchkey { allow group <name> }")
			line("latchkey")
		} else {
			line("# Who may enter: any of these lines is enough.")
			line("latchkey {")
			for _, group := range a.Groups {
				line("allow group", Quote(group))
			}
			line("}")
		}
		line("reverse_proxy", Quote(s.Upstream))
		line("}")
	}
	return string(caddyfile.Format([]byte(b.String())))
}
