package firstfile

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// SecretVariable is the environment variable of the client secret if no file has it.
const SecretVariable = "OIDC_CLIENT_SECRET" //nolint:gosec // a name

// StoreFile is the answer for the embedded store.
const StoreFile = "file"

// Answers are what the first Caddyfile says.
type Answers struct {
	// Issuer is the issuer of the provider, exactly as its metadata spells it.
	Issuer string
	// ClientID is the name of this client at the provider.
	ClientID string
	// SecretFile is the file that has the client secret. If it is empty, the secret is in the environment variable
	// SecretVariable.
	SecretFile string
	// Sites are the sites, at least one.
	Sites []Site
	// Store is StoreFile, the default, or the address of a Redis: redis://host:port/db, or rediss:// for TLS. Its password
	// is in the environment variable REDIS_PASSWORD if the address has a user name.
	Store string
	// Groups are the groups whose members may enter. Without any, every user whom the provider knows may enter.
	Groups []string
}

// Site is a site and the app behind it.
type Site struct {
	// Address is the host name, with http:// in front for a loopback host, and with a port if it is not the default.
	Address string
	// Upstream is the address of the app: host:port, or with http:// or https:// in front.
	Upstream string
}

// ParseSite reads a site as it stands on a command line: its address, an equals sign, and the address of its app.
func ParseSite(text string) (Site, error) {
	address, upstream, ok := strings.Cut(text, "=")
	if !ok {
		return Site{}, fmt.Errorf("site %q: want <address>=<upstream>, for instance wiki.example.com=127.0.0.1:8000", text)
	}
	s := Site{Address: strings.TrimSpace(address), Upstream: strings.TrimSpace(upstream)}
	return s, s.check()
}

func (s Site) check() error {
	if err := CheckAddress(s.Address); err != nil {
		return err
	}
	return CheckUpstream(s.Upstream)
}

// missing names the flags of the answers that are still to be given.
func (a *Answers) missing() (flags []string) {
	for _, one := range []struct {
		flag  string
		given bool
	}{{"--issuer", a.Issuer != ""}, {"--client-id", a.ClientID != ""}, {"--site", len(a.Sites) > 0}} {
		if !one.given {
			flags = append(flags, one.flag)
		}
	}
	return flags
}

// MissingError is returned for answers that are not given and cannot be asked for. Flags are the flags to give them with.
type MissingError struct{ Flags []string }

func (e *MissingError) Error() string {
	return "not in a terminal, so nothing can be asked: give " + strings.Join(e.Flags, ", ")
}

// Check returns what is wrong with the answers, all of it. It does not check that the addresses answer.
func (a *Answers) Check() error {
	if flags := a.missing(); len(flags) > 0 {
		return &MissingError{flags}
	}
	faults := []error{CheckIssuer(a.Issuer), checkClientID(a.ClientID), checkSecretFile(a.SecretFile), checkStore(a.Store)}
	seen := map[string]bool{}
	for _, s := range a.Sites {
		faults = append(faults, s.check())
		if name := strings.ToLower(s.Address); seen[name] {
			faults = append(faults, fmt.Errorf("site %s is given twice", s.Address))
		} else {
			seen[name] = true
		}
	}
	for _, group := range a.Groups {
		faults = append(faults, checkGroup(group))
	}
	return errors.Join(faults...)
}

func checkClientID(id string) error { return CheckWord("client ID", id, 256) }

func checkGroup(name string) error {
	if strings.TrimSpace(name) == "" {
		return errors.New("a group has no name")
	}
	if strings.Contains(name, "*") {
		return fmt.Errorf("group %q: a group has no wildcard", name)
	}
	return CheckQuoted("group", name, 256)
}

func checkSecretFile(path string) error {
	switch {
	case path == "":
		return nil
	case !filepath.IsAbs(path):
		return fmt.Errorf("client secret file %q: the path must be absolute, because the server may run in another directory", path)
	}
	return CheckQuoted("client secret file", path, 1024)
}
