package app

import (
	"errors"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// openSignInLog opens the log in the store, in addition to Caddy's log, and returns the receiver of its entries.
func (a *App) openSignInLog(store session.Store, ring *keyring.Ring) (signinlog.Sink, error) {
	sink, err := a.signInSinks(store, ring)
	if err != nil {
		return nil, err
	}
	a.repeats = signinlog.NewRepeats(sink, nil)
	return a.repeats, nil
}

func (a *App) signInSinks(store session.Store, ring *keyring.Ring) (signinlog.Sink, error) {
	logged := signinlog.Sinks{signinlog.Zap{Logger: a.logger.Named("sign_in")}, countedSignIns{}}
	if a.SignInLog.Off() {
		return logged, nil
	}
	kept, ok := store.(journal.Journal)
	if !ok {
		if a.SignInLog != nil {
			return nil, errors.New("sign_in_log: this store keeps no sign-ins; leave sign_in_log out, or say max_entries 0")
		}
		return logged, nil
	}
	c := signinlog.Config{Journal: kept, Keys: ring, Logger: a.logger.Named("sign_in_log")}
	if s := a.SignInLog; s != nil {
		c.Keep = time.Duration(s.Keep)
		if s.MaxEntries != nil {
			c.MaxEntries = *s.MaxEntries
		}
	}
	a.signIns = signinlog.Open(c)
	return append(logged, a.signIns), nil
}

// countedSignIns counts the entries of the log. What administrators do is no sign-in.
type countedSignIns struct{}

// Write implements signinlog.Sink.
func (countedSignIns) Write(r signinlog.Record) {
	if r.InitiatedBy == nil {
		signIns.WithLabelValues(r.Provider, strconv.Itoa(int(r.Code)), r.Code.Status()).Add(float64(max(1, r.Repeats)))
	}
}

// closeSignInLog writes the entries that are still buffered.
func (a *App) closeSignInLog() {
	if a.repeats != nil {
		a.repeats.Close()
	}
	if a.signIns != nil {
		a.signIns.Close()
	}
}
