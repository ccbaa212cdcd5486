package apitoken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-gateway/latchkey/session"
)

// ErrCursor: the cursor is not one that Page can have returned.
var ErrCursor = errors.New("no place in the list of tokens")

// place is a place in the list of all tokens: one of its parts, and the last token there that was read.
type place struct {
	list int
	last session.Key
}

func (p place) String() string {
	return strconv.Itoa(p.list) + "." + strings.TrimPrefix(string(p.last), tokenKind)
}

func readPlace(text string) (p place, err error) {
	if text == "" {
		return p, nil
	}
	list, last, _ := strings.Cut(text, ".")
	p = place{last: session.Key(tokenKind + last)}
	if last == "" {
		p.last = ""
	}
	if p.list, err = strconv.Atoi(list); err != nil || p.list < 0 || p.list >= session.OwnerLists || p.String() != text {
		return p, ErrCursor
	}
	return p, nil
}

// Page calls visit for the tokens of all users and services, in no particular order. It is for administrators. It begins
// after the cursor after (empty: at the beginning) and ends when it has read limit tokens, or before the one for which visit
// returns false. next is the cursor for the next call, empty at the end of the list. Tokens that cannot be read are counted,
// not passed. All pages together contain every token that exists throughout exactly once.
func (k *Keeper) Page(ctx context.Context, after string, limit int, visit func(*Owned) bool) (next string, unreadable int, err error) {
	at, err := readPlace(after)
	if err != nil {
		return "", 0, err
	}
	for ; at.list < session.OwnerLists; at = (place{list: at.list + 1}) {
		keys, err := session.KeysOfAll(ctx, k.Vault.Store, lists, tokenKind, at.list)
		if err != nil {
			return "", unreadable, fmt.Errorf("listing tokens: %w", err)
		}
		slices.Sort(keys)
		from, found := slices.BinarySearch(keys, at.last)
		if found {
			from++
		}
		for _, key := range keys[from:] {
			if limit--; limit < 0 {
				return at.String(), unreadable, nil
			}
			one, err := k.owned(ctx, key)
			switch {
			case err == nil:
				if !visit(one) {
					return at.String(), unreadable, nil
				}
			case isGone(err):
			case unanswered(ctx, err):
				return "", unreadable, err
			default:
				unreadable++
			}
			at.last = key
		}
	}
	return "", unreadable, nil
}
