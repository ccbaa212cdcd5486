package demo

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

const clientID = "latchkey-demo"

func (o Options) url() string    { return fmt.Sprintf("http://localhost:%d", o.Port) }
func (o Options) issuer() string { return fmt.Sprintf("http://localhost:%d", o.ProviderPort) }

func (o Options) secretFile() string { return filepath.Join(o.DataDir, "client-secret") }
func (o Options) stateFile() string  { return filepath.Join(o.DataDir, "provider.db") }
func (o Options) storeFile() string  { return filepath.Join(o.DataDir, "sessions.db") }

// storeName names the place of the sessions, without a password.
func (o Options) storeName() string {
	if o.RedisURL == "" {
		return o.storeFile()
	}
	u, err := url.Parse(o.RedisURL)
	if err != nil {
		return "Redis"
	}
	return "Redis at " + u.Host
}

// caddyfile returns the configuration of the demo, formatted as by `latchkey fmt`. It is written as an example: users
// can copy every line.
func (o Options) caddyfile(addresses []string) string {
	store := "store file " + quote(o.storeFile())
	if o.RedisURL != "" {
		store = "store redis " + quote(o.RedisURL)
	}
	level, accessLog := "WARN", ""
	if o.Verbose {
		level, accessLog = "INFO", "\n\tlog"
	}
	return strings.NewReplacer(
		"$ADDRESSES", strings.Join(addresses, " "),
		"$LEVEL", level,
		"$STORAGE", quote(filepath.Join(o.DataDir, "caddy")),
		"$ISSUER", o.issuer(),
		"$CLIENT", clientID,
		"$SECRET", quote("{file."+o.secretFile()+"}"),
		"$STORE", store,
		"$SITE", o.url(),
		"$ACCESSLOG", accessLog,
		"$APP", fmt.Sprintf("127.0.0.1:%d", o.AppPort),
	).Replace(configuration)
}

// quote makes one token of s, which contains neither quotes nor braces.
func quote(s string) string {
	if strings.ContainsAny(s, " \t#\\") {
		return `"` + s + `"`
	}
	return s
}

const configuration = `# The configuration of "latchkey demo".
{
	admin off
	persist_config off
	default_bind $ADDRESSES
	storage file_system $STORAGE
	grace_period 2s
	servers {
		protocols h1
	}
	log {
		level $LEVEL
		exclude admin
	}

	latchkey {
		# Where people sign in: the demo's own provider. Plain http is accepted
		# because it is on this machine.
		provider demo {
			issuer $ISSUER
			client_id $CLIENT
			client_secret $SECRET
			guest_claim acct 1
		}

		# Where sessions live.
		$STORE
	}
}

$SITE {$ACCESSLOG
	@admin path /admin*

	latchkey {
		app demo

		# The app wants to know the groups too; they are sent to no app that
		# did not ask for them.
		headers remote groups

		# /admin is for admins.
		policy admins-only @admin {
			include all
			exclude group admins
			block
		}
	}

	# The sample app. It learns who the user is from Remote-User and its kind.
	reverse_proxy $APP {
		header_up X-Session-Kind {http.latchkey.session.kind}
	}
}
`
