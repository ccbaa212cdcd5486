package adminapi

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	// KeysPath is the endpoint that shows and changes the key ring. It never shows a key itself.
	KeysPath = "/latchkey/keys"
	// maxKeySessions is how many sessions one answer counts.
	maxKeySessions = 20_000
	// RetireTimeout is the timeout for finding sessions that need a key: a million take about a minute.
	RetireTimeout = 5 * time.Minute
	// signInRoom is how long after its replacement a key may be needed by a sign-in in progress.
	signInRoom = time.Hour
	// learnRoom is how long before and after its time a replica may seal with a key, because it could not read the ring
	// or its clock was wrong.
	learnRoom = 10 * time.Minute
)

// KeyEntry is a key in an answer for administrators.
type KeyEntry struct {
	ID string `json:"id"`
	// Created is missing for keys that the configuration lists, because it is not known.
	Created *time.Time `json:"created,omitempty"`
	// Seals: it is the key that seals. Older ones only open; newer ones wait.
	Seals bool `json:"seals"`
	// SealsFrom is from when it seals, missing for keys that the configuration lists. A key whose time has not come opens
	// already.
	SealsFrom *time.Time `json:"sealsFrom,omitempty"`
	// Retires is when it is removed from the ring automatically.
	Retires *time.Time `json:"retires,omitempty"`
}

// KeysAnswer is the answer to GET /latchkey/keys, the newest key first.
type KeysAnswer struct {
	// Source is storage or configuration.
	Source string     `json:"source"`
	Keys   []KeyEntry `json:"keys"`
}

func adminKeys(r *http.Request, app *app.App) (any, error) {
	if _, err := queryOf(r); err != nil {
		return nil, err
	}
	answer := KeysAnswer{Source: "configuration"}
	keeper := app.Keeper()
	if keeper != nil {
		answer.Source = "storage"
	}
	for _, info := range app.Sessions().Keys().Keys() {
		entry := keyEntry(info)
		if !info.Until.IsZero() && keeper != nil {
			retires := info.Until.Add(keeper.Life)
			entry.Retires = &retires
		}
		answer.Keys = append(answer.Keys, entry)
	}
	return answer, nil
}

func keyEntry(info keyring.Info) KeyEntry {
	entry := KeyEntry{ID: info.ID.String(), Seals: info.Seals}
	if !info.Created.IsZero() {
		entry.Created, entry.SealsFrom = &info.Created, &info.From
	}
	return entry
}

// KeySessionsAnswer counts sessions by the keys that they need, for a part of the list of all sessions. A session may
// need several.
type KeySessionsAnswer struct {
	Sessions map[string]int `json:"sessions"`
	// Unreadable counts sessions that no key opens.
	Unreadable int `json:"unreadable,omitempty"`
	// Cursor is where to continue; missing at the end.
	Cursor string `json:"cursor,omitempty"`
}

// adminKeySessions answers GET /latchkey/keys/sessions.
func adminKeySessions(r *http.Request, app *app.App) (any, error) {
	p, err := queryOf(r, "cursor")
	if err != nil {
		return nil, err
	}
	cursor, err := p.sessionsCursor()
	if err != nil {
		return nil, err
	}
	infos := app.Sessions().Keys().Keys()
	answer := KeySessionsAnswer{Sessions: map[string]int{}}
	next, survey, err := app.Sessions().Page(r.Context(), cursor, maxKeySessions, func(s *session.Record) bool {
		for _, id := range needs(s, infos) {
			answer.Sessions[id.String()]++
		}
		return true
	})
	answer.Cursor, answer.Unreadable = next, survey.Unreadable
	return answer, err
}

// sessionsCursor parses the cursor of a list of sessions.
func (p Parameters) sessionsCursor() (string, error) {
	cursor, ok := p["cursor"]
	if ok && !session.IsCursor(cursor) {
		return "", refuse(http.StatusBadRequest, "cursor: not one that was given out here")
	}
	return cursor, nil
}

// needs returns the keys without which a session ends: those of its record and its tokens, and each key that may have
// sealed its cookie, that is, each one that sealed on some replica when the session began.
func needs(s *session.Record, ring []keyring.Info) []keyring.ID {
	ids := s.SealedUnder()
	for _, k := range ring {
		if k.Created.IsZero() {
			break // its times are not known
		}
		sealed := s.Created.After(k.From.Add(-learnRoom)) && (k.Until.IsZero() || s.Created.Before(k.Until.Add(learnRoom)))
		if sealed && !slices.Contains(ids, k.ID) {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

var errListedKeys = refuse(http.StatusConflict, "the configuration lists the keys: put a new secret behind the first one of `keys` on every server, then in front of it on every server; take the old one out when the longest session has ended")

// Rotation is the body of POST /latchkey/keys/rotate.
type Rotation struct {
	// Now makes the new key seal at once, also if other servers do not know it yet.
	Now bool `json:"now"`
}

// adminRotateKeys answers POST /latchkey/keys/rotate: it makes a new key, which seals when every server knows it. A
// request without a body is one for a rotation that is not urgent.
func adminRotateKeys(r *http.Request, app *app.App) (any, error) {
	var ask Rotation
	if r.ContentLength == 0 {
		if _, err := queryOf(r); err != nil {
			return nil, err
		}
	} else if err := readBody(r, &ask, maxAskedBody, "JSON of now"); err != nil {
		return nil, err
	}
	if app.Keeper() == nil {
		return nil, errListedKeys
	}
	delay := keystorage.SealDelay
	if ask.Now {
		delay = 0
	}
	made, err := app.Keeper().RotateIn(r.Context(), delay)
	if errors.Is(err, keystorage.ErrTooMany) {
		return nil, refuse(http.StatusConflict, "%w", err)
	}
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "%w", err)
	}
	record(app, r, act{activity: actRotateKeys, target: "key " + made.ID.String()})
	app.Logger().Info("keys rotated by an administrator", zap.Stringer("key", made.ID), zap.Time("seals", made.From))
	return keyEntry(made), nil
}

// Retirement is the body of POST /latchkey/keys/retire.
type Retirement struct {
	ID string `json:"id"`
	// Force retires the key even if sessions need it. Those sessions end.
	Force bool `json:"force"`
}

// adminRetireKey answers POST /latchkey/keys/retire: it removes a key from the ring early.
func adminRetireKey(r *http.Request, app *app.App) (any, error) {
	var ask Retirement
	if err := readBody(r, &ask, maxAskedBody, "JSON of id and force"); err != nil {
		return nil, err
	}
	keeper := app.Keeper()
	if keeper == nil {
		return nil, errListedKeys
	}
	var id keyring.ID
	if raw, err := hex.DecodeString(ask.ID); err != nil || len(raw) != len(id) || hex.EncodeToString(raw) != ask.ID {
		return nil, refuse(http.StatusBadRequest, "id: %q is no key's id, which is four hexadecimal digits", ask.ID)
	} else {
		copy(id[:], raw)
	}
	// It may take longer than other requests.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), RetireTimeout)
	defer cancel()
	if err := retirable(ctx, app, id, ask.Force); err != nil {
		return nil, err
	}
	switch err := keeper.Retire(ctx, id); {
	case errors.Is(err, keystorage.ErrNoSuchKey), errors.Is(err, keystorage.ErrSeals):
		return nil, refuse(http.StatusConflict, "%w", err)
	case err != nil:
		return nil, refuse(http.StatusServiceUnavailable, "%w", err)
	}
	record(app, r, act{activity: actRetireKey, target: "key " + id.String()})
	app.Logger().Info("key retired by an administrator", zap.Stringer("key", id), zap.Bool("forced", ask.Force))
	return KeyEntry{ID: id.String()}, nil
}

// retirable refuses a key that seals or will seal, does not exist, or is still needed by a session.
func retirable(ctx context.Context, a *app.App, id keyring.ID, force bool) error {
	infos := a.Sessions().Keys().Keys()
	i, err := keystorage.Retirable(infos, id)
	switch {
	case errors.Is(err, keystorage.ErrNoSuchKey):
		return refuse(http.StatusNotFound, "%w: %s", err, id)
	case err != nil:
		return refuse(http.StatusConflict, "%w", err)
	case force:
		return nil
	case a.Keeper().Now().Sub(infos[i].Until) < signInRoom:
		return refuse(http.StatusConflict, "key %s sealed until %s, and sign-ins may be under way with it for an hour; to end them, force it",
			id, infos[i].Until.Format(time.RFC3339))
	}
	found := ""
	for cursor := ""; ; {
		next, _, err := a.Sessions().Page(ctx, cursor, maxKeySessions, func(s *session.Record) bool {
			if slices.Contains(needs(s, infos), id) {
				found = s.ID.Short()
			}
			return found == ""
		})
		if err != nil {
			return fmt.Errorf("looking for sessions under the key: %w", err)
		}
		if cursor = next; cursor == "" || found != "" {
			break
		}
	}
	if found != "" {
		return refuse(http.StatusConflict, "sessions live under key %s, such as %s; it retires by itself when they are over; to end them, force it", id, found)
	}
	return nil
}
