package useragent_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/useragent"
	"github.com/latchkey-gateway/latchkey/policy"
)

// User agents as they are seen in the wild (P7).
var agents = []struct {
	name, agent string
	want        policy.Platform
}{
	{"Chrome on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", policy.Windows},
	{"Edge on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", policy.Windows},
	{"Firefox on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0", policy.Windows},
	{"Internet Explorer 11", "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko", policy.Windows},
	{"Internet Explorer 6", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", policy.Windows},
	{"Office", "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)", policy.Windows},
	{"PowerShell", "Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.19041.4522", policy.Windows},
	{"Safari on a Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15", policy.MacOS},
	{"Chrome on a Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", policy.MacOS},
	{"Firefox on a Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0", policy.MacOS},
	{"Safari on an iPad, desktop version", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15", policy.MacOS},
	{"Safari on an iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1", policy.IOS},
	{"Safari on an iPad, mobile version", "Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1", policy.IOS},
	{"Chrome on an iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1", policy.IOS},
	{"Firefox on an iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 14_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/133.0 Mobile/15E148 Safari/605.1.15", policy.IOS},
	{"an iPod", "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1", policy.IOS},
	{"an app on iOS", "Slack/24.11 (iPhone; iOS 17.6; Scale/3.00)", policy.IOS},
	{"Chrome on Android", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36", policy.Android},
	{"Samsung Internet", "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36", policy.Android},
	{"Firefox on Android", "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0", policy.Android},
	{"a web view", "Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ3A.230901.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/131.0.6778.81 Mobile Safari/537.36", policy.Android},
	{"Android's own client", "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A.240205.004)", policy.Android},
	{"Opera Mini on Android", "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16", policy.Android},
	{"Chrome on Linux", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", policy.Linux},
	{"Firefox on Ubuntu", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", policy.Linux},
	{"Firefox on a Raspberry Pi", "Mozilla/5.0 (X11; Linux armv7l; rv:128.0) Gecko/20100101 Firefox/128.0", policy.Linux},
	{"Konqueror", "Mozilla/5.0 (compatible; Konqueror/4.5; Linux) KHTML/4.5.4 (like Gecko)", policy.Linux},
	{"Chrome on Android, desktop version", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", policy.Linux},

	{"ChromeOS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", policy.PlatformUnknown},
	{"FreeBSD", "Mozilla/5.0 (X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0", policy.PlatformUnknown},
	{"Windows Phone, which names two others", "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15254", policy.PlatformUnknown},
	{"a television", "Mozilla/5.0 (SMART-TV; LINUX; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/5.0 TV Safari/537.36", policy.PlatformUnknown},
	{"another television", "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36", policy.PlatformUnknown},
	{"HarmonyOS", "Mozilla/5.0 (Linux; Android 10; HarmonyOS; ELS-AN00; HMSCore 6.4.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.93 Mobile Safari/537.36", policy.PlatformUnknown},
	{"Xbox", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.130 Safari/537.36 Edg/79.0.309.71", policy.PlatformUnknown},
	{"KaiOS", "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5", policy.PlatformUnknown},
	{"PlayStation", "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 Safari/605.1.15", policy.PlatformUnknown},
	{"a crawler", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", policy.PlatformUnknown},
	{"curl", "curl/8.9.1", policy.PlatformUnknown},
	{"wget", "Wget/1.21.3 (linux-gnu)", policy.PlatformUnknown},
	{"Go", "Go-http-client/1.1", policy.PlatformUnknown},
	{"Python", "python-requests/2.32.3", policy.PlatformUnknown},
	{"an app that could be on two systems", "Mail/3774 CFNetwork/1490.0.4 Darwin/23.2.0", policy.PlatformUnknown},
	{"okhttp", "okhttp/4.12.0", policy.PlatformUnknown},
	{"nothing", "", policy.PlatformUnknown},

	{"a system outside the comment", "Windows NT 10.0", policy.PlatformUnknown},
	{"a system in a second comment", "Thing/1.0 (x) (Windows NT 10.0)", policy.PlatformUnknown},
	{"a comment without an end", "Mozilla/5.0 (Windows NT 10.0", policy.PlatformUnknown},
	{"two systems", "Mozilla/5.0 (iPhone; Windows NT 10.0)", policy.PlatformUnknown},
	{"two systems, the other way round", "Mozilla/5.0 (Macintosh; Android 14)", policy.PlatformUnknown},
	{"part of a word", "Mozilla/5.0 (WindowsX; Androids; iPhones)", policy.PlatformUnknown},
	{"another case", "Mozilla/5.0 (WINDOWS NT 10.0)", policy.PlatformUnknown},
	{"behind a very long text", strings.Repeat("x", 1<<16) + " (Windows NT 10.0)", policy.PlatformUnknown},
}

func TestPlatform(t *testing.T) {
	for _, tt := range agents {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.agent != "" {
				h.Set("User-Agent", tt.agent)
			}
			if got := useragent.Platform(h); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// The hint of a browser is its word; who sends two, or one that is none, has said nothing that could be relied on.
func TestPlatformHint(t *testing.T) {
	const windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	for hint, want := range map[string]policy.Platform{
		`"Windows"`: policy.Windows, `"macOS"`: policy.MacOS, `"Android"`: policy.Android, `"iOS"`: policy.IOS, `"Linux"`: policy.Linux,
		` "Windows" `: policy.Windows,
		`"Chrome OS"`: policy.PlatformUnknown, `"Chromium OS"`: policy.PlatformUnknown, `"Unknown"`: policy.PlatformUnknown, `""`: policy.PlatformUnknown,
		`"Fuchsia"`: policy.PlatformUnknown, "Windows": policy.PlatformUnknown, `"windows"`: policy.PlatformUnknown, `"Windows", "Linux"`: policy.PlatformUnknown,
		"": policy.PlatformUnknown, "\"Windows\"\x00": policy.PlatformUnknown,
	} {
		h := http.Header{"User-Agent": {windows}, "Sec-Ch-Ua-Platform": {hint}}
		if got := useragent.Platform(h); got != want {
			t.Errorf("%q: got %v, want %v", hint, got, want)
		}
	}
	for name, h := range map[string]http.Header{
		"two hints":  {"User-Agent": {windows}, "Sec-Ch-Ua-Platform": {`"Windows"`, `"Windows"`}},
		"two agents": {"User-Agent": {windows, windows}},
		"no header":  {},
	} {
		if got := useragent.Platform(h); got != policy.PlatformUnknown {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestClient(t *testing.T) {
	const safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Safari/605.1.15"
	for _, tt := range []struct {
		name, method string
		header       map[string]string
		want         policy.Client
	}{
		{"a page", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}, policy.Browser},
		{"fetch in a page", "POST", map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Accept": "*/*"}, policy.Browser},
		{"fetch with a token of the app's", "GET", map[string]string{"Sec-Fetch-Mode": "cors", "Authorization": "Bearer x"}, policy.Browser},
		{"an image", "GET", map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, policy.Browser},
		{"a WebSocket", "GET", map[string]string{"Sec-Fetch-Mode": "websocket", "Upgrade": "websocket"}, policy.Browser},
		{"a page, before fetch metadata", "GET", map[string]string{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, policy.Browser},
		{"a form, before fetch metadata", "POST", map[string]string{"Accept": "text/html"}, policy.Browser},
		{"a script in Safari 15", "PUT", map[string]string{"Accept": "*/*", "User-Agent": safari, "Accept-Language": "de"}, policy.Browser},
		{"curl", "GET", map[string]string{"Accept": "*/*", "User-Agent": "curl/8.9.1"}, policy.Other},
		{"curl under another name", "GET", map[string]string{"Accept": "*/*", "User-Agent": safari}, policy.Other},
		{"an API client", "GET", map[string]string{"Accept": "application/json", "Authorization": "Bearer x"}, policy.Other},
		{"an API client that takes pages", "GET", map[string]string{"Accept": "text/html", "Authorization": "bearer x"}, policy.Other},
		{"a token bound to a key", "GET", map[string]string{"Accept": "text/html", "Authorization": "DPoP x"}, policy.Other},
		{"nothing", "GET", nil, policy.Other},
		{"a method that no page is opened with", "DELETE", map[string]string{"Accept": "text/html"}, policy.Other},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), tt.method, "/", nil)
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			if got := useragent.Client(r); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNothingIsAllocated(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("User-Agent", agents[0].agent)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	if n := testing.AllocsPerRun(100, func() { useragent.Platform(r.Header); useragent.Client(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPlatform: whatever a client says, it comes to one of the known words, and a hint that names a system is believed.
func FuzzPlatform(f *testing.F) {
	for _, tt := range agents {
		f.Add(tt.agent, "")
	}
	f.Add("Mozilla/5.0 (", `"Windows"`)
	f.Add("(;;;)", `"`)
	f.Fuzz(func(t *testing.T, agent, hint string) {
		h := http.Header{"User-Agent": {agent}}
		if hint != "" {
			h["Sec-Ch-Ua-Platform"] = []string{hint}
		}
		p := useragent.Platform(h)
		if err := new(policy.Platform).UnmarshalText([]byte(p.String())); err != nil {
			t.Error(err)
		}
		if p != policy.PlatformUnknown && hint == "" && !strings.Contains(agent, "(") {
			t.Errorf("%q names %v outside a comment", agent, p)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header = h
		if c := useragent.Client(r); c != policy.Browser && c != policy.Other {
			t.Errorf("%q is %v", agent, c)
		}
	})
}
