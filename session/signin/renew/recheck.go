package renew

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/refresh"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// recheckOutage is how much longer than Recheck claims stay valid while they cannot be renewed (D4).
	recheckOutage = 24 * time.Hour
	// recheckWait is how long a request waits for another replica that renews the same session.
	recheckWait  = 5 * time.Second
	recheckLook  = 100 * time.Millisecond
	renewTimeout = 30 * time.Second
	// renewPatience is how long a request waits for the renewal of its session if another session's renewal is already
	// waiting for the same provider.
	renewPatience = time.Second
	// renewParting is how long a renewal in progress may take after its configuration is replaced: the token that it
	// has sent may be invalid now, and the new one must not be lost.
	renewParting = 5 * time.Second
)

// Renewer renews the claims of sessions.
type Renewer struct {
	*access.Environment
	*access.Recorder
	// refreshing decides which replica may use a refresh token now.
	refreshing *refresh.Coordinator

	renewing sync.Map // session.ID -> *renewal: its claims are being renewed
	backoffs *backoffSet
	renewals map[string]*providerRenewals // by the name of the provider
}

// New returns a Renewer. The caller must close it when no renewal is in progress any more.
func New(e *access.Environment, log *access.Recorder) *Renewer {
	s := &Renewer{
		Environment: e, Recorder: log, refreshing: refresh.New(e.Store, e.Now), backoffs: newBackoffSet(),
		renewals: make(map[string]*providerRenewals, len(e.Providers)),
	}
	for _, p := range e.Providers {
		s.renewals[p.Name] = new(providerRenewals)
	}
	return s
}

// Close releases the resources of the Renewer. No renewal may be in progress.
func (s *Renewer) Close() { s.refreshing.Close() }

// Recheck checks when a session's provider last stated something about the user. If that is longer ago than
// Config.Recheck, the claims are renewed in parallel to the request; if it is twice as long, before the request. A
// refusal ends the session (session.ErrNotFound). An outage does not, for a day (D1, D4); then the error tells whether
// the cause is the provider (ErrProviderDown) or the session (NoSession). Without a refresh token claims stay as they
// were at sign-in. docs/renewal.md says what each answer means.
//
// If the provider has reported that the claims changed since, they are renewed before the request, however young they
// are. A session that cannot be renewed then needs a sign-in (ErrClaimsOld).
//
// No request is delayed by problems of another session: of all sessions that wait for one provider, only the requests
// of one wait to the end, and those of the others for renewPatience. If the provider is known not to answer, none wait.
// Renewals then continue in parallel to the request.
func (s *Renewer) Recheck(r *http.Request, who *session.Session, token session.Token) (*session.Session, error) {
	if !who.Renewable {
		if who.Outdated && (!s.silently(who) || s.SignInHost != "") {
			return who, fmt.Errorf("%w: the provider reports other claims", access.ErrClaimsOld)
		}
		return who, nil
	}
	now := s.Now()
	age := now.Sub(who.LastAnswer())
	if !s.due(who, age) {
		return who, nil
	}
	p := s.ByName[who.Provider()]
	if p == nil {
		return who, s.tooOld(age, false)
	}
	if held, paused := s.backoffs.of(who.ID, now); paused {
		return who, s.tooOld(age, held.down && !p.AnsweredSince(held.at))
	}
	if now.UnixMilli() < s.renewals[p.Name].after.Load() {
		return who, s.tooOld(age, true)
	}
	urgent := who.Outdated || age >= 2*s.Config.Recheck
	run := s.startRenewal(r, p, who, token, need{urgent: urgent})
	if !urgent || !run.await(p, s.renewals[p.Name]) {
		return who, s.tooOld(age, true)
	}
	switch {
	case run.err == nil:
		return run.fresh, s.tooOld(s.Now().Sub(run.fresh.LastAnswer()), s.downFor(p, who.ID))
	case access.Over(run.err):
		return nil, run.err
	}
	return who, s.tooOld(age, s.downFor(p, who.ID))
}

// RenewFor is Recheck for a session that no browser presents.
func (s *Renewer) RenewFor(ctx context.Context, who *session.Session, token session.Token) (*session.Session, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	if err != nil {
		return who, err
	}
	return s.Recheck(r, who, token)
}

// due reports whether claims of an age are to be renewed.
func (s *Renewer) due(who *session.Session, age time.Duration) bool {
	return who.Outdated || s.Config.Recheck > 0 && age >= s.Config.Recheck
}

// downFor reports whether the provider is the reason why the last renewal of the session failed.
func (s *Renewer) downFor(p *oidc.Provider, id session.ID) bool {
	held, paused := s.backoffs.of(id, s.Now())
	return !paused || held.down && !p.AnsweredSince(held.at)
}

// tooOld returns the error for claims that are too old.
func (s *Renewer) tooOld(age time.Duration, down bool) error {
	if s.Config.Recheck <= 0 || age < s.Config.Recheck+recheckOutage {
		return nil
	}
	why := access.ErrClaimsOld
	if down {
		why = oidc.ErrProviderDown
	}
	return fmt.Errorf("%w, and claims are %s old", why, age.Round(time.Minute))
}

// providerRenewals is shared by the renewals of all sessions of one provider.
type providerRenewals struct {
	// after is when renewals are tried again after an outage, in Unix milliseconds.
	after atomic.Int64
	// oldest is the renewal for which requests may wait to the end; see Renewer.Recheck.
	oldest atomic.Pointer[renewal]
	// complained limits the log messages that the provider cannot be reached for renewals.
	complained retry.Seldom
	// seenAt is when a silent recheck last reached the provider, in Unix milliseconds.
	seenAt atomic.Int64
}

// renewal is a renewal in progress in this process. fresh and err are set when done is closed.
type renewal struct {
	done  chan struct{}
	began time.Time // by the clock of the machine
	fresh *session.Session
	err   error
}

// need is why a session is renewed.
type need struct {
	urgent bool // the request waits for it
	token  bool // for another access token, even if the claims are not old
}

// startRenewal renews a session in parallel to its request, or returns the renewal that is in progress. If the service
// is stopped, it renews before it returns if it is urgent, else not at all.
func (s *Renewer) startRenewal(r *http.Request, p *oidc.Provider, who *session.Session, token session.Token, why need) *renewal {
	run := &renewal{done: make(chan struct{}), began: time.Now()}
	if other, busy := s.renewing.LoadOrStore(token.ID, run); busy {
		return other.(*renewal)
	}
	oldest := &s.renewals[p.Name].oldest
	oldest.CompareAndSwap(nil, run)
	work := func(ctx context.Context) {
		defer func() {
			s.renewing.Delete(token.ID)
			oldest.CompareAndSwap(run, nil)
			close(run.done)
		}()
		if run.err = ctx.Err(); run.err == nil {
			run.fresh, run.err = s.renewOnce(ctx, p, who, token, why)
		}
	}
	if s.Background(func(ctx context.Context) {
		if ctx.Err() == nil {
			on, cancel := parting(ctx)
			defer cancel()
			ctx = on
		}
		work(ctx)
	}) {
		return run
	}
	ctx, cancel := access.Detach(r, renewTimeout)
	defer cancel()
	if !why.urgent {
		cancel()
	}
	work(ctx)
	return run
}

// await waits for a renewal, and reports whether it has ended.
func (run *renewal) await(p *oidc.Provider, all *providerRenewals) bool {
	patience := renewTimeout + time.Second
	switch oldest := all.oldest.Load(); {
	case p.Unanswering():
		patience = 0
	case oldest == run:
	case oldest != nil && time.Since(oldest.began) > renewPatience:
		patience = 0
	default:
		patience = renewPatience
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-run.done:
		return true
	case <-timer.C:
	}
	select {
	case <-run.done:
		return true
	default:
		return false
	}
}

// parting returns a context for a renewal, which outlives the end of ctx by renewParting.
func parting(ctx context.Context) (context.Context, context.CancelFunc) {
	on, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
	stop := context.AfterFunc(ctx, func() {
		if retry.Sleep(on, renewParting) {
			cancel()
		}
	})
	return on, func() { stop(); cancel() }
}

// renewOnce is renew, except that it uses the result of another replica that is already renewing, if the claims are
// needed.
func (s *Renewer) renewOnce(ctx context.Context, p *oidc.Provider, who *session.Session, token session.Token, why need) (*session.Session, error) {
	fresh, err := s.renew(ctx, p, token, why)
	if !why.urgent || !errors.Is(err, session.ErrConflict) {
		return fresh, err
	}
	if fresh, err = s.awaitRenewal(ctx, who.LastAnswer(), token); errors.Is(err, session.ErrConflict) {
		// The replica with the lease may have died: the next requests need not wait too.
		s.backoffs.add(who.ID, s.Now(), recheckPause, true)
	}
	return fresh, err
}

// awaitRenewal waits for the result of the replica that renews the session now, which may be its end. It returns
// ErrConflict if there is no answer of the provider later than last after a while.
func (s *Renewer) awaitRenewal(ctx context.Context, last time.Time, token session.Token) (*session.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, recheckWait)
	defer cancel()
	for retry.Sleep(ctx, recheckLook) {
		now, err := s.Sessions.Reload(ctx, token)
		if access.Over(err) || err == nil && now.LastAnswer().After(last) {
			return now, err
		}
	}
	return nil, session.ErrConflict
}
