package useragent_test

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/useragent"
)

func TestDescribe(t *testing.T) {
	const webkit = " AppleWebKit/605.1.15 (KHTML, like Gecko) "
	const blink = " AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
	for agent, want := range map[string]useragent.Words{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + blink + "Safari/537.36":                                                            {Browser: "Chrome", System: "Windows", Kind: "computer"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + blink + "Safari/537.36 Edg/131.0.0.0":                                              {Browser: "Edge", System: "Windows", Kind: "computer"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + blink + "Safari/537.36 OPR/115.0.0.0":                                              {Browser: "Opera", System: "Windows", Kind: "computer"},
		"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0":                                                 {Browser: "Firefox", System: "Linux", Kind: "computer"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)" + webkit + "Version/18.1 Safari/605.1.15":                                      {Browser: "Safari", System: "Mac", Kind: "computer"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)" + webkit + "Version/18.1 Mobile/15E148 Safari/604.1":                    {Browser: "Safari", System: "iPhone", Kind: "phone"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)" + webkit + "CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1":             {Browser: "Chrome", System: "iPhone", Kind: "phone"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)" + webkit + "FxiOS/133.0 Mobile/15E148 Safari/605.1.15":                  {Browser: "Firefox", System: "iPhone", Kind: "phone"},
		"Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X)" + webkit + "Version/18.1 Mobile/15E148 Safari/604.1":                             {Browser: "Safari", System: "iPad", Kind: "tablet"},
		"Mozilla/5.0 (Linux; Android 10; K)" + blink + "Mobile Safari/537.36":                                                            {Browser: "Chrome", System: "Android", Kind: "phone"},
		"Mozilla/5.0 (Linux; Android 10; K)" + blink + "Safari/537.36":                                                                   {Browser: "Chrome", System: "Android", Kind: "tablet"},
		"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36": {Browser: "Samsung Internet", System: "Android", Kind: "phone"},
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" + blink + "Safari/537.36":                                                             {Browser: "Chrome", System: "ChromeOS", Kind: "computer"},
		"curl/8.5.0": {},
		"":           {},
		"NotFirefox/1.0 (Windowsish; x) XChrome/1": {},
		"Mozilla/5.0 (": {},
		strings.Repeat("x", 4096) + " Firefox/1.0": {},
		"<script>alert(1)</script> Version/1":      {},
	} {
		if got := useragent.Describe(agent); got != want {
			t.Errorf("%.90q: %+v, want %+v", agent, got, want)
		}
	}
}
