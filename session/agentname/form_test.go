package agentname

import (
	"strings"
	"testing"
)

func TestForm(t *testing.T) {
	const blink = " AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + blink + "Safari/537.36":                   "computer",
		"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0":        "computer",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15":          "computer",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" + blink + "Safari/537.36":                    "computer",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148":     "phone",
		"Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1": "tablet",
		"Mozilla/5.0 (Linux; Android 10; K)" + blink + "Mobile Safari/537.36":                   "phone",
		"Mozilla/5.0 (Linux; Android 10; K)" + blink + "Safari/537.36":                          "tablet",
		"curl/8.5.0": "", "": "", "Mozilla/5.0 (": "", "x (Windowsish; y)": "", "(" + strings.Repeat("x", 4096) + "; Linux)": "",
	} {
		if got := Of(agent).Form; got != want {
			t.Errorf("%.90q: %q, want %q", agent, got, want)
		}
	}
}
