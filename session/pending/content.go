package pending

import (
	"bytes"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// content is a pending sign-in as the store has it. It is immutable.
type content struct {
	SignIn
	draft session.SealedDraft // of which Draft is made
	// earlier: it is listed as by an earlier version.
	earlier bool
}

// usualContent is the size of most of them, in bytes.
const usualContent = 3 << 10

func (c *content) encode() []byte {
	w := pack.FieldWriter{Out: make([]byte, 0, usualContent)}
	c.draft.Put(&w, 1)
	w.Bytes(2, c.Note)
	w.Time(3, c.Deadline)
	if !c.earlier {
		w.Num(4, 1)
	}
	return w.Out
}

func decode(plain []byte) (*content, error) {
	c := &content{earlier: true}
	r := pack.FieldReader{Data: plain}
	for r.Next() {
		switch r.Tag {
		case 1:
			var err error
			if c.draft, err = session.ReadDraft(r.Value); err != nil {
				return nil, err
			}
			c.Draft = c.draft.Record()
		case 2:
			c.Note = bytes.Clone(r.Value)
		case 3:
			r.Time(&c.Deadline)
		case 4:
			var form int64
			r.Num(&form)
			c.earlier = form != 1
		}
	}
	if r.Err == nil && c.Draft.Identity.Subject == "" {
		return nil, pack.ErrMalformed // without a draft
	}
	return c, r.Err
}
