package main

import (
	"encoding/json"
	"os"
	"testing"
)

// accounts is a file of people that a provider's program reads at each use.
type accounts struct {
	path string
	list map[string]account // by login
}

type account struct {
	Login    string   `json:"login"`
	Password string   `json:"password"`
	Mail     string   `json:"mail"`
	Groups   []string `json:"groups"`
	Disabled bool     `json:"disabled"`
}

func newAccounts(t testing.TB, path string) *accounts {
	t.Helper()
	a := &accounts{path: path, list: map[string]account{}}
	for _, p := range people() {
		a.list[p.login] = account{Login: p.login, Password: p.password, Mail: p.mail, Groups: p.groups}
	}
	a.write(t)
	return a
}

func (a *accounts) change(t testing.TB, who person, change func(*account)) {
	t.Helper()
	one := a.list[who.login]
	change(&one)
	a.list[who.login] = one
	a.write(t)
}

// write replaces the file at once, so that it is never read half written.
func (a *accounts) write(t testing.TB) {
	t.Helper()
	raw, err := json.Marshal(a.list)
	if err == nil {
		err = os.WriteFile(a.path+".new", raw, 0o600)
	}
	if err == nil {
		err = os.Rename(a.path+".new", a.path)
	}
	if err != nil {
		t.Fatalf("writing the accounts: %v", err)
	}
}
