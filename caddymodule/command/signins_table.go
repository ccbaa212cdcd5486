package command

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// signInsTable prints entries in columns. Columns become wider when needed and never narrower, because printed lines
// cannot change.
type signInsTable struct {
	w      io.Writer
	widths []int
}

var signInsHead = []string{"TIME", "USER", "APP", "STATUS", "CODE", "IP", "REASON"}

func (t *signInsTable) show(entries []signinlog.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var rows [][]string
	if t.widths == nil {
		t.widths = make([]int, len(signInsHead))
		rows = append(rows, signInsHead)
	}
	for _, e := range entries {
		rows = append(rows, []string{
			e.Created.UTC().Format(time.RFC3339), orDash(e.UserName, e.UserSubject), orDash(e.App), orDash(e.Status),
			strconv.Itoa(int(e.Code)), orDash(e.IP), reasonOf(e),
		})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = explain.Printable(row[i])
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	w := bufio.NewWriter(t.w)
	for _, row := range rows {
		for i, cell := range row {
			_, _ = w.WriteString(cell)
			if i < len(row)-1 {
				_, _ = w.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		_ = w.WriteByte('\n')
	}
	return w.Flush()
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
