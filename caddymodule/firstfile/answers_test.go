package firstfile

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func good() Answers {
	return Answers{
		Issuer: "https://login.example.com", ClientID: "gateway",
		Sites: []Site{{"wiki.example.com", "127.0.0.1:8000"}},
	}
}

func TestAnswersThatAreTaken(t *testing.T) {
	for name, change := range map[string]func(*Answers){
		"least":             func(*Answers) {},
		"path and port":     func(a *Answers) { a.Issuer = "https://login.example.com:8443/realms/staff/" },
		"loopback provider": func(a *Answers) { a.Issuer = "http://localhost:9000" },
		"loopback site":     func(a *Answers) { a.Sites[0].Address = "http://localhost:8080" },
		"site with a port":  func(a *Answers) { a.Sites[0].Address = "wiki.example.com:8443" },
		"upstream https":    func(a *Answers) { a.Sites[0].Upstream = "https://wiki.internal" },
		"upstream port":     func(a *Answers) { a.Sites[0].Upstream = ":3000" },
		"upstream IPv6":     func(a *Answers) { a.Sites[0].Upstream = "[::1]:3000" },
		"secret file":       func(a *Answers) { a.SecretFile = "/etc/latchkey/client secret" },
		"redis":             func(a *Answers) { a.Store = "rediss://latchkey@redis.internal:6379/3" },
		"group":             func(a *Answers) { a.Groups = []string{"Team Blue #1"} },
	} {
		a := good()
		change(&a)
		if err := a.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Answers)
		want   string
	}{
		"issuer with a bare ?": {func(a *Answers) { a.Issuer += "?" }, "query"},
		"group of blanks":      {func(a *Answers) { a.Groups = []string{"  "} }, "has no name"},
		"group on two lines":   {func(a *Answers) { a.Groups = []string{"a\u2028b"} }, "does not take here"},
		"no issuer":            {func(a *Answers) { a.Issuer = "" }, "--issuer"},
		"issuer a host":        {func(a *Answers) { a.Issuer = "login.example.com" }, "is no address"},
		"issuer without TLS":   {func(a *Answers) { a.Issuer = "http://login.example.com" }, "has no TLS"},
		"issuer of metadata":   {func(a *Answers) { a.Issuer += "/.well-known/openid-configuration" }, "leave out"},
		"issuer with query":    {func(a *Answers) { a.Issuer += "?x" }, "query"},
		"issuer with a user":   {func(a *Answers) { a.Issuer = "https://ada:hunter2@login.example.com" }, "user name"},
		"issuer with a line":   {func(a *Answers) { a.Issuer += "\n}" }, "does not take"},
		"client with a brace":  {func(a *Answers) { a.ClientID = "{env.HOME}" }, "does not take"},
		"client with a space":  {func(a *Answers) { a.ClientID = "a b" }, "space"},
		"client too long":      {func(a *Answers) { a.ClientID = strings.Repeat("x", 300) }, "at most 256"},
		"secret relative":      {func(a *Answers) { a.SecretFile = "secret" }, "absolute"},
		"secret with a brace":  {func(a *Answers) { a.SecretFile = "/run/{x}" }, "does not take"},
		"no site":              {func(a *Answers) { a.Sites = nil }, "--site"},
		"site twice":           {func(a *Answers) { a.Sites = append(a.Sites, Site{"WIKI.example.com", ":1"}) }, "twice"},
		"site with a path":     {func(a *Answers) { a.Sites[0].Address = "example.com/wiki" }, "without a path"},
		"site without TLS":     {func(a *Answers) { a.Sites[0].Address = "http://wiki.example.com" }, "no TLS"},
		"site with a star":     {func(a *Answers) { a.Sites[0].Address = "*.example.com" }, "name each host"},
		"site with a port":     {func(a *Answers) { a.Sites[0].Address = "wiki.example.com:0" }, "host name"},
		"two sites in one":     {func(a *Answers) { a.Sites[0].Address = "a.example.com,b.example.com" }, "host name"},
		"upstream a host":      {func(a *Answers) { a.Sites[0].Upstream = "wiki" }, "host:port"},
		"upstream with path":   {func(a *Answers) { a.Sites[0].Upstream = "http://wiki/app" }, "host:port"},
		"no upstream":          {func(a *Answers) { a.Sites[0].Upstream = "" }, "host:port"},
		"upstream of scheme":   {func(a *Answers) { a.Sites[0].Upstream = "http://" }, "host:port"},
		"store unknown":        {func(a *Answers) { a.Store = "postgres://db" }, "want file"},
		"group with a star":    {func(a *Answers) { a.Groups = []string{"admin-*"} }, "wildcard"},
		"group without name":   {func(a *Answers) { a.Groups = []string{""} }, "no name"},
		"group with a quote":   {func(a *Answers) { a.Groups = []string{`a"b`} }, "does not take"},
	} {
		a := good()
		row.change(&a)
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}

// What an operator gives by mistake is not shown in an error if it may be a password.
func TestNoPasswordInAnError(t *testing.T) {
	for _, change := range []func(*Answers){
		func(a *Answers) { a.Issuer = "https://ada:hunter2@login.example.com" },
		func(a *Answers) { a.Store = "redis://:hunter2@redis.internal:6379/0" },
		func(a *Answers) { a.Store = "redis://:hunter2@redis.internal:port/0" },
	} {
		a := good()
		change(&a)
		if err := a.Check(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

func TestMissingFlags(t *testing.T) {
	var missing *MissingError
	if err := new(Answers).Check(); !errors.As(err, &missing) || !slices.Equal(missing.Flags, []string{"--issuer", "--client-id", "--site"}) {
		t.Errorf("%v", err)
	}
}

func TestParseSite(t *testing.T) {
	if s, err := ParseSite("wiki.example.com = 127.0.0.1:8000"); err != nil || s != (Site{"wiki.example.com", "127.0.0.1:8000"}) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := ParseSite("wiki.example.com"); err == nil || !strings.Contains(err.Error(), "<address>=<upstream>") {
		t.Error(err)
	}
}
