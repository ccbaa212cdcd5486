package agentname

import (
	"strings"
	"testing"
)

func TestBrowserAndSystem(t *testing.T) {
	for agent, want := range map[string][2]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                        {"Chrome 142", "Windows"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":          {"Edge 142", "Windows"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15":                  {"Safari 26", "macOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1": {"Chrome 142", "iOS"},
		"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0":                                                                 {"Firefox 145", "Linux"},
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36":    {"Samsung Internet 29", "Android"},
		"curl/8.5.0":                       {"", ""},
		"":                                 {"", ""},
		"Firefox/":                         {"Firefox", ""},
		"Firefox/99999999999999":           {"Firefox", ""},
		"Firefox/12\"<script>":             {"Firefox 12", ""},
		"(" + strings.Repeat("Linux", 999): {"", "Linux"},
	} {
		if got := Of(agent); got.Browser != want[0] || got.System != want[1] {
			t.Errorf("%.60q: %q on %q, want %q", agent, got.Browser, got.System, want)
		}
	}
}
