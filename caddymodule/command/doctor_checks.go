package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/caddymodule/store"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// skewNoted is the smallest difference of two clocks that is reported.
const skewNoted = 5 * time.Second

func (d *doctor) provider(ctx context.Context, p *oidc.Provider, neededSignals expected) []finding {
	say := func(level, format string, args ...any) finding {
		return finding{level, "provider", p.Name, fmt.Sprintf(format, args...)}
	}
	seen, err := p.Examine(ctx)
	if err != nil {
		return []finding{say(findFail, "its metadata at %s cannot be used: %s; check issuer, network and ca_file",
			p.MetadataAddress(), adminapi.OneLine(err))}
	}
	found := []finding{say(findOK, "it answers, and its issuer is %s", p.Issuer)}
	if seen.KeysErr != nil {
		found = append(found, say(findFail, "its keys cannot be used: %s", adminapi.OneLine(seen.KeysErr)))
	} else {
		found = append(found, say(findOK, "it has %d usable keys, and signs with %s", seen.Keys, orDash(strings.Join(seen.Algorithms, ", "))))
	}
	lacks := slices.DeleteFunc(slices.Clone(seen.Lacks), func(what string) bool { return what == "end_session_endpoint" && p.EndSession != nil })
	if len(lacks) > 0 {
		found = append(found, say(findWarn, "it has no %s: signing out ends less there", strings.Join(lacks, " and no ")))
	}
	if seen.TokenErr != nil {
		found = append(found, say(findFail, "its token endpoint does not answer, so that no user can sign in: %s", adminapi.OneLine(seen.TokenErr)))
	}
	if seen.From != p.MetadataAddress() {
		found = append(found, say(findOK, "its metadata is at %s, by a redirect", seen.From))
	}
	for _, f := range compare(p, seen, neededSignals) {
		found = append(found, say(f.level, "%s", f.text))
	}
	if !seen.Dated {
		return append(found, say(findWarn, "it sends no Date, so its clock cannot be compared"))
	}
	level, text := skew(seen.Ahead, oidc.MaxAhead, "sign-ins fail")
	return append(found, say(level, "its clock %s", text))
}

// skew describes how far a clock is off, and the effect if it is more than limit.
func skew(ahead, limit time.Duration, what string) (level, text string) {
	off := ahead.Abs().Round(time.Second)
	if off < skewNoted {
		return findOK, "agrees with this machine's"
	}
	text = fmt.Sprintf("is %s behind this machine's", off)
	if ahead > 0 {
		text = fmt.Sprintf("is %s ahead of this machine's", off)
	}
	if off > limit {
		return findFail, fmt.Sprintf("%s, and over %s %s: set both by NTP", text, limit, what)
	}
	return findWarn, text + ": set both by NTP"
}

// clientKeysToRegister names the public keys of the client: the one that signs, and the next one if there is one.
func clientKeysToRegister(p *oidc.Provider) []finding {
	what, keys := "public key of the client: ", make([]*oidc.ClientKey, 0, 2)
	for _, read := range []func() (*oidc.ClientKey, error){p.ClientKey, p.NextClientKey} {
		if read == nil {
			continue
		}
		key, err := read()
		if err != nil {
			return []finding{{findFail, "provider", p.Name, adminapi.OneLine(err).Error()}}
		}
		keys = append(keys, key)
	}
	if len(keys) > 1 {
		what = "public keys of the client, of which the first one signs: "
	}
	set, err := oidc.PublicKeys(keys...)
	if err != nil {
		return []finding{{findFail, "provider", p.Name, adminapi.OneLine(err).Error()}}
	}
	return []finding{{findOK, "register", p.Name, what + set}}
}

// maxStoreSkew is the largest error of a store's clock for which lifetimes are still right enough.
const maxStoreSkew = time.Minute

func (d *doctor) store(ctx context.Context, m store.Module) []finding {
	switch m := m.(type) {
	case *store.Redis:
		return d.redis(ctx, m)
	case *store.File:
		level, text := fileFinding(m.Location())
		return []finding{{level, "store", "file", text}}
	}
	return []finding{{findWarn, "store", "", "it is none that the doctor knows"}}
}

func (d *doctor) redis(ctx context.Context, m *store.Redis) []finding {
	say := func(level, text string) finding { return finding{level, "store", "redis", text} }
	store, err := redisstore.Open(m.Config())
	if err != nil {
		return []finding{say(findFail, adminapi.OneLine(err).Error())}
	}
	defer store.Close() //nolint:errcheck // nothing was written
	began := d.now()
	facts, err := store.Facts(ctx)
	if err != nil {
		return []finding{say(findFail, fmt.Sprintf("it cannot be asked: %s; check address, user, password and network", adminapi.OneLine(err)))}
	}
	answers := "it answers"
	if facts.Version != "" {
		answers += ", version " + facts.Version
	}
	found := []finding{say(findOK, answers)}
	advice, err := store.Advice(ctx)
	switch {
	case err != nil:
		found = append(found, say(findWarn, "it does not tell how it is set up; see to it that maxmemory-policy is noeviction"))
	case len(advice) == 0:
		found = append(found, say(findOK, "it evicts nothing, and takes writes"))
	}
	for _, line := range advice {
		level := findWarn
		if strings.Contains(line, "is a replica") {
			level = findFail
		}
		found = append(found, say(level, line))
	}
	if facts.Time.IsZero() {
		return append(found, say(findWarn, "it does not tell the time (its user may use neither INFO nor TIME), so its clock cannot be compared"))
	}
	ahead := time.Duration(0)
	if ended := d.now(); facts.Time.After(ended) {
		ahead = facts.Time.Sub(ended)
	} else if facts.Time.Before(began) {
		ahead = facts.Time.Sub(began)
	}
	level, text := skew(ahead, maxStoreSkew, "sessions end early or late")
	return append(found, say(level, "its clock "+text))
}

// fileFinding reports whether a file can be the store. A file that a server has open is accepted: it is in use.
func fileFinding(path string) (level, text string) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newFileFinding(path)
	}
	store, err := filestore.Open(filestore.Config{Path: path})
	if errors.Is(err, filestore.ErrLocked) {
		return findOK, path + " is held by a server that runs"
	}
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		return findFail, fmt.Sprintf("%s; the user of the server has to own the file", adminapi.OneLine(err))
	}
	return findOK, path + " can be written"
}

// newFileFinding checks the directory in which the first start would create the file, or its nearest existing parent.
func newFileFinding(path string) (level, text string) {
	dir := filepath.Dir(path)
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".latchkey-doctor-")
	if err != nil {
		return findFail, fmt.Sprintf("%s is not there and cannot be made: %s", path, adminapi.OneLine(err))
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return findFail, adminapi.OneLine(err).Error()
	}
	return findOK, path + " is not there yet, and can be made"
}

func (d *doctor) keys(ctx context.Context, storage certmagic.Storage, a *app.App) []finding {
	say := func(level, format string, args ...any) []finding {
		return []finding{{level, "keys", "", fmt.Sprintf(format, args...)}}
	}
	if len(a.Keys) > 0 {
		return say(findOK, "the configuration lists %d", len(a.Keys))
	}
	keys, err := keystorage.Load(ctx, storage)
	switch {
	case errors.Is(err, keystorage.ErrNoRing):
		return say(findOK, "there is no key ring yet; the first start makes one in Caddy's storage")
	case err != nil:
		return say(findFail, "%s; no user can sign in until it can be read", adminapi.OneLine(err))
	}
	age := d.now().Sub(keys[0].Created)
	if age < -keystorage.SealDelay {
		return say(findWarn, "the newest of %d keys was made at %s, which is in the future here: is the clock of a server wrong?", len(keys), keys[0].Created.Format(time.RFC3339))
	}
	days := int(age / (24 * time.Hour))
	if rotate := config.DurationOr(a.KeysRotate, config.DefaultKeysRotate); rotate > 0 && age > rotate+keystorage.Margin {
		return say(findWarn, "the newest of %d keys is %d days old and should have been superseded: is a server running?", len(keys), days)
	}
	return say(findOK, "the key ring in Caddy's storage has %d, the newest %d days old", len(keys), days)
}
