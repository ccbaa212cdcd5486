package command

import (
	"io"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// signInsTable prints entries in columns.
type signInsTable struct{ terminal.Table }

func newSignInsTable(w io.Writer) *signInsTable {
	return &signInsTable{terminal.Table{Out: w, Head: []string{"TIME", "USER", "APP", "STATUS", "CODE", "IP", "REASON"}}}
}

func (t *signInsTable) show(entries []signinlog.Entry) error {
	var rows [][]string
	for _, e := range entries {
		rows = append(rows, []string{
			e.Created.UTC().Format(time.RFC3339), orDash(e.UserName, e.UserSubject), orDash(e.App), orDash(e.Status),
			strconv.Itoa(int(e.Code)), orDash(e.IP), reasonOf(e),
		})
	}
	return t.Print(rows)
}

// reasonOf returns the reason of an entry: what failed, or why the prompt was shown or not.
func reasonOf(e signinlog.Entry) string {
	switch {
	case e.Reason == "":
		return orDash(e.Detail, e.PromptReason)
	case e.Detail != "":
		return e.Reason + " (" + e.Detail + ")"
	}
	return e.Reason
}

func orDash(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return "-"
}
