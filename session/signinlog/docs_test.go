package signinlog

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Every field and every code is explained where people look for it.
func TestDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/sign-in-log.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	var fields map[string]any
	if err := json.Unmarshal([]byte(fullText), &fields); err != nil {
		t.Fatal(err)
	}
	for field := range fields {
		if !strings.Contains(doc, "`"+field+"`") {
			t.Errorf("field %s is not explained", field)
		}
	}
	_, codes, _ := strings.Cut(doc, "## Codes")
	for code := range reasons {
		found := false
		for line := range strings.Lines(codes) {
			if cells := strings.Split(line, "|"); len(cells) > 3 && strings.Contains(cells[1], strconv.Itoa(int(code))) {
				found = true
				if got := strings.TrimSpace(cells[2]); got != code.Status() {
					t.Errorf("code %d is said to be %s and is %s", code, got, code.Status())
				}
			}
		}
		if !found {
			t.Errorf("code %d is not explained", code)
		}
	}
}
