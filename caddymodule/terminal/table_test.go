package terminal

import (
	"errors"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	for name, row := range map[string]struct {
		head  []string
		pages [][][]string
		want  string
	}{
		"nothing":        {[]string{"A", "B"}, [][][]string{nil, {}}, ""},
		"no head":        {nil, [][][]string{{{"a", "b"}, {"long", "c"}}}, "a     b\nlong  c\n"},
		"by characters":  {[]string{"A", "B"}, [][][]string{{{"J\u00fcrgen", "x"}}}, "A       B\nJ\u00fcrgen  x\n"},
		"no blank ends":  {[]string{"A", "B", "C"}, [][][]string{{{"a", "", ""}, {"", "b", "c "}}}, "A  B  C\na\n   b  c\n"},
		"the last cell":  {nil, [][][]string{{{"a", "as long as it is"}, {"b", "c", "d"}}}, "a  as long as it is\nb  c  d\n"},
		"steers nothing": {[]string{"A", "B"}, [][][]string{{{"\x1b[2J", "\u202e\r\n"}}}, "A     B\n?[2J  ???\n"},
		"columns grow, and what was printed stays": {
			[]string{"A", "B"},
			[][][]string{{{"a", "b"}}, nil, {{"longer", "b"}}, {{"a", "b"}}},
			"A  B\na  b\nlonger  b\na       b\n",
		},
	} {
		var out strings.Builder
		table := Table{Out: &out, Head: row.head}
		for _, page := range row.pages {
			if err := table.Print(page); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if out.String() != row.want {
			t.Errorf("%s: %q, want %q", name, out.String(), row.want)
		}
	}
}

// What is printed is not changed on the way: the caller may print it elsewhere, as JSON.
func TestTableLeavesRows(t *testing.T) {
	rows := [][]string{{"\x1b", "b"}}
	if err := (&Table{Out: new(strings.Builder)}).Print(rows); err != nil || rows[0][0] != "\x1b" {
		t.Errorf("%q, %v", rows, err)
	}
}

type full struct{ error }

func (f full) Write([]byte) (int, error) { return 0, f.error }

func TestTableTellsWhatFailed(t *testing.T) {
	noRoom := errors.New("no room")
	if err := (&Table{Out: full{noRoom}}).Print([][]string{{"a"}}); !errors.Is(err, noRoom) {
		t.Error(err)
	}
}
