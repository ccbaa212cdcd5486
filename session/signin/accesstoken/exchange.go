package accesstoken

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// maxRefused limits for how many exchanges a refusal is kept.
	maxRefused = 4096
	// refusedPause is how long an exchange that has failed is not tried again for the session.
	refusedPause = 15 * time.Second
	// complainEvery is the shortest interval between log messages about failed exchanges at a provider.
	complainEvery = time.Minute
	// exchangeTimeout is the time for an exchange, with the renewal of the session's own token before it.
	exchangeTimeout = 40 * time.Second
)

// The results of an exchange, for Config.OnExchange.
const (
	ExchangeDone    = "exchanged"
	ExchangeRefused = "refused"
	ExchangeOutage  = "outage"
)

// flight is an exchange in progress. header and err are set when done is closed.
type flight struct {
	done   chan struct{}
	header string
	err    error
}

// exchanged returns an exchanged token. One that is due is exchanged again in parallel to the request.
func (k *Keeper) exchanged(r *http.Request, who *session.Session, token session.Token, p place, x *oidc.Exchange) (string, error) {
	now := k.Now()
	header, usable := k.held.last(p, now)
	if hold, lasts := k.refused.Get(p, now); lasts {
		if usable {
			return header, nil
		}
		return "", hold.Value
	}
	run := k.fly(r, who, token, p, x)
	if usable {
		return header, nil
	}
	select {
	case <-run.done:
	case <-r.Context().Done():
		return "", fmt.Errorf("%w: %w", access.ErrNoAccessToken, r.Context().Err())
	}
	if run.err != nil {
		return "", run.err
	}
	// The session may have ended while this request waited.
	if _, err := k.Sessions.Load(r.Context(), token); err != nil {
		return "", err
	}
	return run.header, nil
}

// fly exchanges in parallel to the request, or returns the exchange that is in progress.
func (k *Keeper) fly(r *http.Request, who *session.Session, token session.Token, p place, x *oidc.Exchange) *flight {
	k.mu.Lock()
	run := k.flights[p]
	if run != nil {
		k.mu.Unlock()
		return run
	}
	run = &flight{done: make(chan struct{})}
	if header, ok := k.held.get(p, k.Now()); ok { // another exchange has ended just now
		k.mu.Unlock()
		run.header = header
		close(run.done)
		return run
	}
	k.flights[p] = run
	k.mu.Unlock()
	detached := r.WithContext(context.WithoutCancel(r.Context()))
	work := func(ctx context.Context) {
		defer func() {
			k.mu.Lock()
			delete(k.flights, p)
			k.mu.Unlock()
			close(run.done)
		}()
		ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
		defer cancel()
		run.header, run.err = k.exchange(detached.WithContext(ctx), who, token, p, x)
	}
	if !k.Background(work) {
		work(detached.Context()) // the service is stopped; its last requests are still answered
	}
	return run
}

// exchange exchanges the session's own token.
func (k *Keeper) exchange(r *http.Request, who *session.Session, token session.Token, p place, x *oidc.Exchange) (string, error) {
	provider := k.ByName[who.Provider()]
	if provider == nil {
		return "", access.ErrTokenOver
	}
	own, err := k.own(r, who, token)
	if err != nil {
		return "", err
	}
	t, err := x.At(r.Context(), provider, own.Access)
	now := k.Now()
	if err == nil && !t.AccessGood(now) {
		err = errors.New("exchanged token has ended already")
	}
	if err != nil {
		return "", k.failed(provider, who, p, now, err)
	}
	k.count(provider, ExchangeDone)
	k.refused.Delete(p)
	k.hold(p, &t, false, now)
	return scheme + t.Access, nil
}

// failed logs why an exchange has brought no token, and returns the error for the request.
func (k *Keeper) failed(p *oidc.Provider, who *session.Session, at place, now time.Time, err error) error {
	result, why := ExchangeRefused, fmt.Errorf("%w: %w", access.ErrNoAccessToken, oidc.Truncated(err))
	if oidc.IsDown(err) || oidc.Unreachable(err) {
		result, why = ExchangeOutage, fmt.Errorf("%w: %w: %w", access.ErrNoAccessToken, oidc.ErrProviderDown, oidc.Truncated(err))
	}
	k.count(p, result)
	p.NoteFailure(err)
	k.refused.Update(at, now, func(retry.Hold[error]) retry.Hold[error] {
		return retry.Hold[error]{Until: now.Add(refusedPause), Value: why}
	})
	if _, told := k.complained.Get(p.Name+" "+result, now); told {
		return why
	}
	k.complained.Update(p.Name+" "+result, now, func(retry.Hold[struct{}]) retry.Hold[struct{}] {
		return retry.Hold[struct{}]{Until: now.Add(complainEvery)}
	})
	fields := []zap.Field{
		zap.String("provider", p.Name), zap.String("session", who.ID.Short()), zap.String("exchange", at.exchange), zap.Error(oidc.Truncated(err)),
	}
	if refused, ok := errors.AsType[*grant.Error](err); ok && refused.Says != "" {
		fields = append(fields, zap.String("provider_says", refused.Says))
	}
	k.Logger.Warn("access token for an application not exchanged, so its requests are answered with 503", fields...)
	return why
}

func (k *Keeper) count(p *oidc.Provider, result string) {
	if k.OnExchange != nil {
		k.OnExchange(p.Name, result)
	}
}
