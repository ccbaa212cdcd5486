package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Survey is the coverage of a call of All.
type Survey struct {
	// Seen counts the sessions passed to visit. Unreadable counts those that no key of the ring opens.
	Seen, Unreadable int
	// More: there are more sessions than the limit.
	More bool
}

// lister finds sessions by their records: those of a user, all, or one by its short hash.
type lister struct{ *loader }

// All calls visit for the live sessions of all users, in no particular order, until it returns false. It reads about
// limit sessions, spread evenly over the whole list, one at a time. It is for administrators and never used for a
// request. Sessions created before this list existed are not in it.
func (l *lister) All(ctx context.Context, limit int, visit func(*Record) bool) (Survey, error) {
	var survey Survey
	share := max(1, (limit+allShards-1)/allShards)
	for i := range allShards {
		if survey.Seen+survey.Unreadable >= limit {
			survey.More = true
			break
		}
		index := allShard(i)
		keys, err := l.vault.Store.Members(ctx, index, time.Time{}, share+1)
		if err != nil {
			return survey, fmt.Errorf("listing sessions: %w", err)
		}
		if len(keys) > share {
			survey.More, keys = true, keys[:share]
		}
		var stale []Key
		for _, key := range keys {
			s, err := l.load(ctx, key)
			switch {
			case errors.Is(err, ErrNotFound):
				stale = append(stale, key)
			case unanswered(err) || ctx.Err() != nil:
				return survey, fmt.Errorf("listing sessions: %w", err)
			case err != nil:
				survey.Unreadable++
			case l.check(s.session, l.now()) == nil:
				survey.Seen++
				if !visit(s) {
					survey.More = true
					return survey, nil
				}
			}
		}
		_ = delist(ctx, l.vault.Store, index, stale) // a later call finds them again
	}
	return survey, nil
}

// maxShard is how much of one part of the list is held in memory at a time.
const maxShard = 1 << 20

// errCursor: the cursor is not one that Page can have returned.
var errCursor = errors.New("no place in the list of sessions")

// Page calls visit for the live sessions of all users, one part of the list at a time. It begins after the cursor after
// (empty: at the beginning) and ends when it has read limit sessions, or before the one for which visit returns false.
// next is the cursor for the next call, empty at the end of the list. All pages together contain every session that
// lives throughout exactly once.
func (l *lister) Page(ctx context.Context, after string, limit int, visit func(*Record) bool) (next string, survey Survey, err error) {
	shard, last, err := readCursor(after)
	if err != nil {
		return "", survey, err
	}
	if err := l.revocations.settle(ctx, l.now()); err != nil {
		return "", survey, err
	}
	for ; shard < allShards; shard, last = shard+1, "" {
		index := allShard(shard)
		keys, err := l.vault.Store.Members(ctx, index, time.Time{}, maxShard)
		if err != nil {
			return "", survey, fmt.Errorf("listing sessions: %w", err)
		}
		slices.Sort(keys) // sorted by key, because a use changes the times
		from, found := slices.BinarySearch(keys, last)
		if found {
			from++
		}
		for _, key := range keys[from:] {
			if limit--; limit < 0 {
				survey.More = true
				return cursorAt(shard, last), survey, nil
			}
			before := last
			last = key
			s, err := l.load(ctx, key)
			switch {
			case errors.Is(err, ErrNotFound):
				_ = delist(ctx, l.vault.Store, index, []Key{key}) // a later call finds it again
			case unanswered(err) || ctx.Err() != nil:
				return "", survey, fmt.Errorf("listing sessions: %w", err)
			case err != nil:
				survey.Unreadable++
			case l.check(s.session, l.now()) == nil:
				if !visit(s) {
					survey.More = true
					return cursorAt(shard, before), survey, nil
				}
				survey.Seen++
			}
		}
	}
	return "", survey, nil
}

func cursorAt(shard int, last Key) string {
	return letters[shard>>4:shard>>4+1] + letters[shard&15:shard&15+1] + strings.TrimPrefix(string(last), "s:")
}

func readCursor(after string) (shard int, last Key, err error) {
	if after == "" {
		return 0, "", nil
	}
	if len(after) < 2 {
		return 0, "", errCursor
	}
	first, second := strings.IndexByte(letters, after[0]), strings.IndexByte(letters[:16], after[1])
	if first < 0 || second < 0 {
		return 0, "", errCursor
	}
	if last = Key("s:" + after[2:]); len(after) == 2 {
		last = ""
	} else if _, ok := digestOf(last); !ok {
		return 0, "", errCursor
	}
	return first<<4 | second, last, nil
}

// IsCursor reports whether a text has the form of a cursor of Page.
func IsCursor(text string) bool {
	_, _, err := readCursor(text)
	return err == nil && text != ""
}

// Find returns the live session with this short hash, for an administrator. It returns ErrNotFound if there is none, or
// more than one.
func (l *lister) Find(ctx context.Context, short string) (*Record, error) {
	if len(short) != shortSize {
		return nil, ErrNotFound
	}
	if err := l.revocations.settle(ctx, l.now()); err != nil {
		return nil, err
	}
	index, ok := allIndex(short)
	if !ok {
		return nil, ErrNotFound
	}
	keys, err := l.vault.Store.Members(ctx, index, time.Time{}, math.MaxInt32)
	if err != nil {
		return nil, fmt.Errorf("finding session: %w", err)
	}
	var found []Key
	for _, key := range keys {
		if shortOf(key) == short {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return nil, ErrNotFound
	}
	s, err := l.loadGood(ctx, found[0])
	if errors.Is(err, ErrExpired) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("finding session: %w", err)
	}
	return s, nil
}

// Own contains sessions of one user, for the user's own page.
type Own struct {
	Sessions []*Record
	// Unreadable counts those that no key of the ring opens. EndAll and EndOthers end them too.
	Unreadable int
	// More: there are more than the limit.
	More bool
}

// Own returns at most limit live sessions of a user: those with the latest end. Unreadable records are skipped and
// counted, so that one old record does not hide all others.
func (l *lister) Own(ctx context.Context, who Identity, limit int) (Own, error) {
	var own Own
	list := personBucket(who)
	keys, err := list.sessions(ctx, l.vault.Store)
	if err != nil {
		return own, fmt.Errorf("listing sessions: %w", err)
	}
	slices.Reverse(keys)
	if len(keys) > limit {
		own.More, keys = true, keys[:limit]
	}
	var stale []Key
	for _, key := range keys {
		s, err := l.load(ctx, key)
		switch {
		case err == nil:
			if s.Identity == who && l.check(s.session, l.now()) == nil {
				own.Sessions = append(own.Sessions, s)
			}
		case errors.Is(err, ErrNotFound):
			stale = append(stale, key)
		case unanswered(err):
			return Own{}, fmt.Errorf("listing sessions: %w", err)
		default:
			own.Unreadable++
		}
	}
	_ = list.delist(ctx, l.vault.Store, stale) // a later call finds them again
	return own, nil
}

// OwnNamed returns the live session of the user with this short hash. It returns ErrNotFound if the user has no such
// session, even if another user has one (A23).
func (l *lister) OwnNamed(ctx context.Context, who Identity, short string) (*Record, error) {
	keys, err := personBucket(who).sessions(ctx, l.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("finding session: %w", err)
	}
	for _, key := range keys {
		if shortOf(key) != short {
			continue
		}
		s, err := l.load(ctx, key)
		switch {
		case err != nil:
			return nil, fmt.Errorf("finding session: %w", err)
		case s.Identity != who || l.check(s.session, l.now()) != nil:
			return nil, ErrNotFound
		}
		return s, nil
	}
	return nil, ErrNotFound
}

// Named returns the users of an issuer whose live sessions are listed under a name; see Record.KnownAs. Usually it is
// one, or none.
func (l *lister) Named(ctx context.Context, issuer, name string) ([]Identity, error) {
	return l.owners(ctx, knownAsBucket(issuer, name), func(s *Record) bool {
		return s.Identity.Issuer == issuer && slices.Contains(s.KnownAs, name)
	})
}

// InProviderSession returns the users whose live sessions came from a session at the provider. Usually it is one, or
// none.
func (l *lister) InProviderSession(ctx context.Context, issuer, sid string) ([]Identity, error) {
	return l.owners(ctx, providerSessionBucket(issuer, sid), func(s *Record) bool {
		return s.Identity.Issuer == issuer && s.ProviderSession == sid
	})
}

// owners returns the users of the sessions in a list.
func (l *lister) owners(ctx context.Context, list bucket, ours func(*Record) bool) ([]Identity, error) {
	keys, err := list.sessions(ctx, l.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var found []Identity
	var stale []Key
	for _, key := range keys {
		s, err := l.load(ctx, key)
		switch {
		case err == nil && ours(s):
			if !slices.Contains(found, s.Identity) {
				found = append(found, s.Identity)
			}
		case err == nil, errors.Is(err, ErrNotFound):
			stale = append(stale, key) // gone, or it has another name now
		case unanswered(err):
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
	}
	_ = list.delist(ctx, l.vault.Store, stale) // a later call finds them again
	return found, nil
}
