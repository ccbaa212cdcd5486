package provider

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestStateIsBounded(t *testing.T) {
	state, err := OpenState(stateFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	state.db.NoSync = true // hundreds of commits; durability is not what is tested
	start := time.Now()
	var first, second, last string
	for i := range maxGrants + 1 {
		token, err := state.newGrant(grant{Sub: fmt.Sprint(i)}, start.Add(time.Duration(i)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		switch i {
		case 0:
			first = token
		case 1:
			second = token
		}
		last = token
	}
	now := start.Add(time.Hour)
	if _, _, err := state.rotate(first, now); !errors.Is(err, errNoGrant) {
		t.Errorf("the oldest grant did not make room: %v", err)
	}
	for _, token := range []string{second, last} {
		if _, _, err := state.rotate(token, now); err != nil {
			t.Error(err)
		}
	}

	var c codes
	for range maxCodes {
		if _, err := c.add(issued{}, start); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.add(issued{}, start); !errors.Is(err, errTooMany) {
		t.Errorf("code %d: %v", maxCodes+1, err)
	}
	if _, err := c.add(issued{}, start.Add(codeLife)); err != nil || len(c.m) != 1 {
		t.Errorf("expired codes stay: %d, %v", len(c.m), err)
	}
}

func TestNewRefuses(t *testing.T) {
	state, err := OpenState(stateFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	good := Config{Issuer: "http://localhost:8081", ClientID: "c", ClientSecret: "s", RedirectURIs: []string{redirectURI}, State: state}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Config){
		"issuer with a path": func(c *Config) { c.Issuer += "/x" },
		"no issuer":          func(c *Config) { c.Issuer = "" },
		"no client":          func(c *Config) { c.ClientID = "" },
		"no secret":          func(c *Config) { c.ClientSecret = "" },
		"no redirect":        func(c *Config) { c.RedirectURIs = nil },
		"no state":           func(c *Config) { c.State = nil },
	} {
		bad := good
		edit(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
